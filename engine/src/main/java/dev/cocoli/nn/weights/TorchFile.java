package dev.cocoli.nn.weights;

import dev.cocoli.nn.Safetensors;
import dev.cocoli.nn.weights.Pickled.Dictionary;
import dev.cocoli.nn.weights.Pickled.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A state dict that {@code torch.save} wrote. A tensor that lies in one piece is a view of the
 * mapped file; any other, such as a transposed one, is copied.
 */
final class TorchFile extends TensorFile {
  /**
   * Where a file may hold the state dict, the first that is there: averaged weights, which are the
   * better ones, before those that were trained.
   */
  static final List<String> PLACES =
      List.of("model_ema", "teacher", "model", "state_dict", "model_state_dict");

  /** How many dictionaries may lie in one another. */
  private static final int MAX_DEPTH = 4;

  /** What copies of tensors may take beyond the size of the file. */
  private static final long COPY_BYTES = 1L << 26;

  private static final int NAMED_KEYS = 8;

  private final Path path;
  private final MemorySegment mapped;
  private final Arena arena;
  private final TorchArchive archive;
  private final Map<String, Safetensors.Entry> entries = new LinkedHashMap<>();
  private long copiedBytes;

  TorchFile(Path path, MemorySegment mapped, Arena arena, TorchArchive archive) throws IOException {
    this.path = path;
    this.mapped = mapped;
    this.arena = arena;
    this.archive = archive;
    for (Map.Entry<Object, Object> item : stateDict(archive.root()).items.entrySet()) {
      if (item.getKey() instanceof String key) {
        if (item.getValue() instanceof Tensor tensor) {
          entries.put(key, read(key, tensor));
        } else if (item.getValue() instanceof Pickled.Other other && isTensor(other)) {
          throw new IOException(
              "its " + ZipArchive.shown(key) + " is " + other.what() + ", which cannot be read");
        }
      }
    }
  }

  /** Whether the value is a tensor of a kind that is not read, such as a sparse one. */
  private static boolean isTensor(Pickled.Other other) {
    return other.what().contains("tensor");
  }

  private static Dictionary stateDict(Object root) throws IOException {
    Object found = root;
    for (int depth = 0; depth < MAX_DEPTH && found instanceof Dictionary outer; depth++) {
      Object inner =
          PLACES.stream()
              .map(outer.items::get)
              .filter(TorchFile::holdsTensors)
              .findFirst()
              .orElse(null);
      if (inner == null) {
        break;
      }
      found = inner;
    }
    if (found instanceof Dictionary dictionary && hasTensor(dictionary)) {
      return dictionary;
    }
    String keys =
        root instanceof Dictionary dictionary
            ? "; its keys are "
                + dictionary.items.keySet().stream()
                    .limit(NAMED_KEYS)
                    .map(key -> key instanceof String text ? ZipArchive.shown(text) : "others")
                    .distinct()
                    .toList()
            : "";
    throw new IOException(
        "it is a PyTorch file of torch.save, but has no state dict, neither by itself nor under "
            + String.join(", ", PLACES)
            + keys);
  }

  /** Whether a value is a state dict, or a dictionary that has one in a known place. */
  private static boolean holdsTensors(Object value) {
    return value instanceof Dictionary dictionary
        && (hasTensor(dictionary)
            || PLACES.stream()
                .anyMatch(
                    place ->
                        dictionary.items.get(place) instanceof Dictionary inner
                            && hasTensor(inner)));
  }

  private static boolean hasTensor(Dictionary dictionary) {
    return dictionary.items.entrySet().stream()
        .anyMatch(item -> item.getKey() instanceof String && item.getValue() instanceof Tensor);
  }

  private Safetensors.Entry read(String key, Tensor tensor) throws IOException {
    try {
      StridedView view = StridedView.of(tensor);
      MemorySegment storage = archive.bytes(view.storage());
      MemorySegment data;
      if (view.isContiguous()) {
        data = view.slice(storage);
      } else {
        copiedBytes = Math.addExact(copiedBytes, view.byteSize());
        if (copiedBytes > mapped.byteSize() + COPY_BYTES) {
          throw new IOException("its tensors overlap so much that they are larger than the file");
        }
        data = arena.allocate(view.byteSize(), Long.BYTES);
        view.copy(storage, data);
      }
      return new Safetensors.Entry(tensor.type(), view.shape(), data);
    } catch (ArithmeticException | IllegalArgumentException e) {
      throw new IOException(
          "it is damaged: its tensor " + ZipArchive.shown(key) + " has no possible shape", e);
    }
  }

  @Override
  public Map<String, Safetensors.Entry> entries() {
    return entries;
  }

  @Override
  public Map<String, String> metadata() {
    return Map.of();
  }

  @Override
  public void requireIntact() throws IOException {
    archive.requireIntact();
  }

  @Override
  public void requireWhole() throws IOException {
    if (Files.size(path) < mapped.byteSize()) {
      throw new IOException("was cut while it was read");
    }
  }

  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
