package dev.cocoli.benchmarks.compare;

import dev.cocoli.tensor.Precision;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/** What Cocoli is set beside. */
enum Peer {
  /** torchvision as it comes. */
  TORCHVISION("torchvision", Precision.FP32),
  /** With the channels last in memory, as oneDNN likes them. */
  CHANNELS_LAST("torchvision-channels-last", Precision.FP32),
  /** ONNX Runtime with the exported detector. */
  ONNX_RUNTIME("onnxruntime", Precision.FP32),
  /** bfloat16 under autocast, the channels last. */
  AUTOCAST("torchvision-bf16", Precision.BF16);

  private final String word;
  private final Precision precision;

  Peer(String word, Precision precision) {
    this.word = word;
    this.precision = precision;
  }

  /** The word that {@code peers.py} and the command line know it by. */
  String word() {
    return word;
  }

  Precision precision() {
    return precision;
  }

  /** Whether it does the task: the exported detector only detects, on one image. */
  boolean does(Task task, int batch) {
    return this != ONNX_RUNTIME || task == Task.DETECT && batch == 1;
  }

  /** Those that Cocoli is set beside unless others are asked for: of its precision, or better. */
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
