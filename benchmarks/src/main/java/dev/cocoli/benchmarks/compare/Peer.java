package dev.cocoli.benchmarks.compare;

import dev.cocoli.tensor.Precision;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/** The systems that Cocoli is compared with. */
enum Peer {
  /** torchvision with its defaults. */
  TORCHVISION("torchvision", Precision.FP32),
  /** torchvision with the channels last in memory, which oneDNN prefers. */
  CHANNELS_LAST("torchvision-channels-last", Precision.FP32),
  /** ONNX Runtime with the exported detector. */
  ONNX_RUNTIME("onnxruntime", Precision.FP32),
  /** torchvision in bfloat16 under autocast, with the channels last in memory. */
  AUTOCAST("torchvision-bf16", Precision.BF16);

  private final String word;
  private final Precision precision;

  Peer(String word, Precision precision) {
    this.word = word;
    this.precision = precision;
  }

  /** Its name in {@code peers.py} and on the command line. */
  String word() {
    return word;
  }

  Precision precision() {
    return precision;
  }

  /** Whether it can do the task: the exported detector only detects, on one image. */
  boolean does(Task task, int batch) {
    return this != ONNX_RUNTIME || task == Task.DETECT && batch == 1;
  }

  /** The peers that Cocoli is compared with by default: those of its precision or a higher one. */
  static List<Peer> of(Precision precision) {
    return Arrays.stream(values())
        .filter(peer -> precision != Precision.FP32 || peer.precision == precision)
        .toList();
  }

  static Peer parse(String word) {
    return Arrays.stream(values())
        .filter(peer -> peer.word.equals(word))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "unknown peer '"
                        + word
                        + "': they are "
                        + Arrays.stream(values())
                            .map(Peer::word)
                            .collect(Collectors.joining(", "))));
  }
}
