package dev.cocoli.nn;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.HostLayouts;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Shape;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Copies a model's state between its memory and arrays with torch's names and layouts. The check is
 * strict: every key must be there, none may be left over, every shape must be right.
 */
public final class StateDict {
  /** The number of keys of each kind that an error names. */
  private static final int NAMED_KEYS = 5;

  private static final int INFINITY_BITS = 0x7F800000;
  private static final int PIECE = 1 << 13;

  private StateDict() {}

  /**
   * Sets every parameter and buffer of a module.
   *
   * @param module the module, with memory
   * @param backend where that lies
   * @param source arrays under torch's names
   * @throws IOException if keys are missing, left over, misshapen or hold a value that is no finite
   *     number; the message names them and nothing was set
   */
  public static void load(Module module, Backend backend, Map<String, Safetensors.Entry> source)
      throws IOException {
    Map<String, Parameter> parameters = module.namedParameters();
    check(module, parameters, source);
    for (Map.Entry<String, Parameter> named : parameters.entrySet()) {
      Parameter parameter = named.getValue();
      MemorySegment data = source.get(named.getKey()).data();
      long[] extents = parameter.layout().transpose(parameter.shape());
      backend
          .transfers()
          .uploadTransposed(data, extents[0], extents[1], extents[2], parameter.value());
    }
    module
        .namedCounters()
        .forEach(
            (name, counter) -> {
              Safetensors.Entry entry = source.get(name);
              if (entry != null) {
                counter.set(entry.data().get(ValueLayout.JAVA_LONG_UNALIGNED, 0));
              }
            });
  }

  private static void check(
      Module module, Map<String, Parameter> parameters, Map<String, Safetensors.Entry> source)
      throws IOException {
    List<String> missing = new ArrayList<>();
    List<String> misshapen = new ArrayList<>();
    parameters.forEach(
        (name, parameter) -> {
          Safetensors.Entry entry = source.get(name);
          Shape wanted = parameter.layout().torchShape(parameter.shape());
          if (entry == null) {
            missing.add(name);
          } else if (!entry.shape().equals(wanted) || entry.dtype() != DType.F32) {
            misshapen.add(
                name + " (" + entry.dtype() + entry.shape() + ", wanted F32" + wanted + ")");
          }
        });
    Map<String, Module.Counter> counters = module.namedCounters();
    for (String name : counters.keySet()) {
      Safetensors.Entry entry = source.get(name); // very old files of torch lack it
      if (entry != null && (entry.dtype() != DType.I64 || entry.shape().elementCount() != 1)) {
        misshapen.add(name + " (" + entry.dtype() + entry.shape() + ", wanted I64[])");
      }
    }
    List<String> extra = new ArrayList<>();
    for (String name : source.keySet()) {
      if (!parameters.containsKey(name)
          && !counters.containsKey(name)
          && !module.ignoresNested(name)) {
        extra.add(name);
      }
    }
    List<String> faults = new ArrayList<>();
    describe(faults, "missing", missing);
    describe(faults, "unknown", extra);
    describe(faults, "misshapen", misshapen);
    if (faults.isEmpty()) {
      int[] piece = new int[PIECE];
      List<String> damaged =
          parameters.keySet().stream()
              .filter(name -> !isFinite(source.get(name).data(), piece))
              .toList();
      describe(faults, "with values that are no finite numbers", damaged);
    }
    if (!faults.isEmpty()) {
      throw new IOException("the weights do not fit the model: " + String.join("; ", faults));
    }
  }

  /** Checks that all elements are finite, in pieces that stay in the cache, by vector code. */
  private static boolean isFinite(MemorySegment floats, int[] piece) {
    long count = floats.byteSize() / Float.BYTES;
    for (long at = 0; at < count; at += piece.length) {
      int size = (int) Math.min(piece.length, count - at);
      MemorySegment.copy(floats, ValueLayout.JAVA_INT_UNALIGNED, at * Float.BYTES, piece, 0, size);
      if (largestMagnitude(piece, size) >= INFINITY_BITS) {
        return false;
      }
    }
    return true;
  }

  /**
   * The bits of the largest magnitude. Bits of magnitudes compare like the magnitudes; those of
   * NaNs are the greatest.
   */
  private static int largestMagnitude(int[] bits, int size) {
    int largest = 0;
    for (int i = 0; i < size; i++) {
      largest = Math.max(largest, bits[i] & Integer.MAX_VALUE);
    }
    return largest;
  }

  private static void describe(List<String> faults, String sort, List<String> names) {
    if (!names.isEmpty()) {
      String shown = String.join(", ", names.subList(0, Math.min(NAMED_KEYS, names.size())));
      String more =
          names.size() > NAMED_KEYS ? " and " + (names.size() - NAMED_KEYS) + " more" : "";
      faults.add(names.size() + " " + sort + ": " + shown + more);
    }
  }

  /**
   * {@return a copy of a module's state with torch's names and layouts}
   *
   * @param module the module
   * @param backend where its memory lies
   * @param arena where the copy is allocated
   */
  public static Map<String, Safetensors.Entry> save(Module module, Backend backend, Arena arena) {
    Map<String, Safetensors.Entry> result = new LinkedHashMap<>();
    module
        .namedParameters()
        .forEach(
            (name, parameter) -> {
              Shape shape = parameter.layout().torchShape(parameter.shape());
              MemorySegment there = arena.allocate(parameter.value().byteSize(), Float.BYTES);
              try (Arena local = Arena.ofConfined()) {
                MemorySegment here = local.allocate(parameter.value().byteSize(), Float.BYTES);
                backend.transfers().download(parameter.value(), here);
                long[] extents = parameter.layout().transpose(parameter.shape());
                HostLayouts.transpose(here, there, extents[0], extents[2], extents[1]);
              }
              result.put(name, new Safetensors.Entry(DType.F32, shape, there));
            });
    module
        .namedCounters()
        .forEach(
            (name, counter) -> {
              MemorySegment there = arena.allocate(ValueLayout.JAVA_LONG);
              there.set(ValueLayout.JAVA_LONG, 0, counter.value());
              result.put(name, new Safetensors.Entry(DType.I64, Shape.of(), there));
            });
    return result;
  }
}
