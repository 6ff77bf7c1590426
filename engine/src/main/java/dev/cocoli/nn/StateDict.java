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
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.BiFunction;

/**
 * Copies a model's state between its memory and arrays with torch's names and layouts. The check is
 * strict: every key must be there, none may be left over, every shape must be right.
 */
public final class StateDict {
  /** The number of keys of each kind that an error names. */
  private static final int NAMED_KEYS = 5;

  private StateDict() {}

  /**
   * Sets every parameter and buffer of a module.
   *
   * @param module the module, with memory
   * @param backend where that lies
   * @param source arrays under torch's names, or older ones ({@link KeyNames}), in any
   *     floating-point type
   * @throws IOException if keys are missing, left over, misshapen or hold a value that is no finite
   *     number; the message names them and nothing was set
   */
  public static void load(Module module, Backend backend, Map<String, Safetensors.Entry> source)
      throws IOException {
    Map<String, Safetensors.Entry> named = KeyNames.of(module, source);
    check(module, named, (_, wanted) -> wanted);
    module
        .namedParameters()
        .forEach((name, parameter) -> upload(backend, parameter, named.get(name)));
    setCounters(module, named);
  }

  /**
   * Sets every parameter and buffer of a module whose weights were trained for other classes. Rows
   * of classes that the weights have are copied; all other rows that belong to a class stay as they
   * are.
   *
   * @param module the module, with memory
   * @param backend where that lies
   * @param source as for {@link #load}
   * @param sourceLabels for each label of the module, 0 for the background, the label that the
   *     weights have for it; -1 if they have none
   * @param sourceClasses the number of classes that the weights have, the background included
   * @return the names of the parameters with rows that stayed as they were
   * @throws IOException as {@link #load} does
   */
  public static List<String> transfer(
      Module module,
      Backend backend,
      Map<String, Safetensors.Entry> source,
      int[] sourceLabels,
      int sourceClasses)
      throws IOException {
    Map<String, Safetensors.Entry> named = KeyNames.of(module, source);
    check(
        module,
        named,
        (parameter, wanted) ->
            parameter
                .classRows()
                .map(rows -> withRows(wanted, rows, sourceClasses))
                .orElse(wanted));
    List<String> kept = new ArrayList<>();
    module
        .namedParameters()
        .forEach(
            (name, parameter) -> {
              if (parameter.classRows().isEmpty()) {
                upload(backend, parameter, named.get(name));
              } else if (copyRows(backend, parameter, named.get(name), sourceLabels)) {
                kept.add(name);
              }
            });
    setCounters(module, named);
    return kept;
  }

  /**
   * {@return the number of classes that weights have, the background included; nothing if the
   * module has no rows per class, or the weights lack them}
   *
   * @param module the module
   * @param source arrays under torch's names
   */
  public static OptionalInt classes(Module module, Map<String, Safetensors.Entry> source) {
    Map<String, Safetensors.Entry> named = KeyNames.of(module, source);
    for (Map.Entry<String, Parameter> parameter : module.namedParameters().entrySet()) {
      Optional<ClassRows> rows = parameter.getValue().classRows();
      Safetensors.Entry entry = named.get(parameter.getKey());
      if (rows.isPresent() && entry != null && entry.shape().rank() > 0) {
        long classes = rows.get().classes(entry.shape().dim(0));
        if (classes > 0 && classes <= Integer.MAX_VALUE) {
          return OptionalInt.of((int) classes);
        }
      }
    }
    return OptionalInt.empty();
  }

  private static Shape withRows(Shape wanted, ClassRows rows, int classes) {
    long[] dims = wanted.toArray();
    dims[0] = rows.row(classes);
    return Shape.of(dims);
  }

  /** Copies the rows of the classes that the weights have; returns whether others are left. */
  private static boolean copyRows(
      Backend backend, Parameter parameter, Safetensors.Entry entry, int[] sourceLabels) {
    ClassRows rows = parameter.classRows().orElseThrow();
    boolean left = false;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment from = FloatValues.of(entry, arena);
      MemorySegment to = arena.allocate(parameter.value().byteSize(), Float.BYTES);
      download(backend, parameter, to);
      long rowBytes = to.byteSize() / parameter.shape().dim(0);
      long classBytes = rowBytes * rows.perClass();
      for (int label = rows.firstLabel(); label < sourceLabels.length; label++) {
        int other = sourceLabels[label];
        if (other < rows.firstLabel()) {
          left = true;
        } else {
          MemorySegment.copy(
              from, rows.row(other) * rowBytes, to, rows.row(label) * rowBytes, classBytes);
        }
      }
      upload(backend, parameter, to);
    }
    return left;
  }

  private static void upload(Backend backend, Parameter parameter, Safetensors.Entry entry) {
    try (Arena arena = Arena.ofConfined()) {
      upload(backend, parameter, FloatValues.of(entry, arena));
    }
  }

  private static void upload(Backend backend, Parameter parameter, MemorySegment floats) {
    long[] extents = parameter.layout().transpose(parameter.shape());
    backend
        .transfers()
        .uploadTransposed(floats, extents[0], extents[1], extents[2], parameter.value());
  }

  private static void setCounters(Module module, Map<String, Safetensors.Entry> source) {
    module
        .namedCounters()
        .forEach(
            (name, counter) -> {
              Safetensors.Entry entry = source.get(name);
              if (entry != null) {
                counter.set(wholeNumber(entry));
              }
            });
  }

  private static long wholeNumber(Safetensors.Entry entry) {
    MemorySegment data = entry.data();
    return switch (entry.dtype().byteSize()) {
      case Long.BYTES -> data.get(ValueLayout.JAVA_LONG_UNALIGNED, 0);
      case Integer.BYTES -> data.get(ValueLayout.JAVA_INT_UNALIGNED, 0);
      case Short.BYTES -> data.get(ValueLayout.JAVA_SHORT_UNALIGNED, 0);
      default -> data.get(ValueLayout.JAVA_BYTE, 0);
    };
  }

  private static void check(
      Module module,
      Map<String, Safetensors.Entry> source,
      BiFunction<Parameter, Shape, Shape> expected)
      throws IOException {
    Map<String, Parameter> parameters = module.namedParameters();
    List<String> missing = new ArrayList<>();
    List<String> misshapen = new ArrayList<>();
    parameters.forEach(
        (name, parameter) -> {
          Safetensors.Entry entry = source.get(name);
          Shape wanted =
              expected.apply(parameter, parameter.layout().torchShape(parameter.shape()));
          if (entry == null) {
            missing.add(name);
          } else if (!entry.shape().equals(wanted) || !FloatValues.canRead(entry.dtype())) {
            misshapen.add(
                name + " (" + entry.dtype() + entry.shape() + ", wanted F32" + wanted + ")");
          }
        });
    Map<String, Module.Counter> counters = module.namedCounters();
    for (String name : counters.keySet()) {
      Safetensors.Entry entry = source.get(name); // very old files of torch lack it
      if (entry != null && (!entry.dtype().isInteger() || entry.shape().elementCount() != 1)) {
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
      List<String> damaged =
          parameters.keySet().parallelStream()
              .filter(name -> !FloatValues.areFinite(source.get(name)))
              .toList();
      describe(faults, "with values that are no finite numbers", damaged);
    }
    if (!faults.isEmpty()) {
      throw new IOException("the weights do not fit the model: " + String.join("; ", faults));
    }
  }

  private static void describe(List<String> faults, String sort, List<String> names) {
    if (!names.isEmpty()) {
      String shown =
          String.join(", ", names.subList(0, Math.min(NAMED_KEYS, names.size())))
              .replaceAll("\\p{Cntrl}", "?"); // a damaged file has any names
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
              download(backend, parameter, there);
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

  /** Copies a parameter's values in torch's layout. */
  private static void download(Backend backend, Parameter parameter, MemorySegment there) {
    try (Arena local = Arena.ofConfined()) {
      MemorySegment here = local.allocate(parameter.value().byteSize(), Float.BYTES);
      backend.transfers().download(parameter.value(), here);
      long[] extents = parameter.layout().transpose(parameter.shape());
      HostLayouts.transpose(here, there, extents[0], extents[2], extents[1]);
    }
  }
}
