package dev.cocoli.nn.weights;

import dev.cocoli.nn.weights.Pickled.Dictionary;
import dev.cocoli.nn.weights.Pickled.Name;
import dev.cocoli.nn.weights.Pickled.Other;
import dev.cocoli.nn.weights.Pickled.Storage;
import dev.cocoli.nn.weights.Pickled.Tensor;
import dev.cocoli.nn.weights.Pickled.Tuple;
import dev.cocoli.tensor.DType;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The names that a file of {@code torch.save} may hold: those that torch's weights-only loader
 * admits ({@code torch/_weights_only_unpickler.py}), and {@code argparse.Namespace}, in which
 * torchvision's training scripts keep their options. Anything else is refused. Nothing is ever
 * looked up or run: the few names that make tensors and dictionaries are known here, and the others
 * stand for values that are no weights.
 */
final class TorchNames {
  private static final String REBUILD = "torch._utils._rebuild_";
  private static final String STORAGE = "Storage";

  /** The names of torch's storages, without the word Storage, and the types of their elements. */
  private static final Map<String, DType> STORAGES =
      Map.ofEntries(
          Map.entry("Double", DType.F64),
          Map.entry("Float", DType.F32),
          Map.entry("Half", DType.F16),
          Map.entry("BFloat16", DType.BF16),
          Map.entry("Long", DType.I64),
          Map.entry("Int", DType.I32),
          Map.entry("Short", DType.I16),
          Map.entry("Char", DType.I8),
          Map.entry("Byte", DType.U8),
          Map.entry("Bool", DType.BOOL),
          Map.entry("Untyped", DType.U8));

  /** Storages of types that no weights have. */
  private static final Set<String> OTHER_STORAGES =
      Set.of("ComplexDouble", "ComplexFloat", "QUInt8", "QInt8", "QInt32", "QUInt4x2", "QUInt2x4");

  private static final Map<String, DType> TYPES =
      Map.ofEntries(
          Map.entry("float64", DType.F64),
          Map.entry("float32", DType.F32),
          Map.entry("float16", DType.F16),
          Map.entry("bfloat16", DType.BF16),
          Map.entry("int64", DType.I64),
          Map.entry("int32", DType.I32),
          Map.entry("int16", DType.I16),
          Map.entry("int8", DType.I8),
          Map.entry("uint8", DType.U8),
          Map.entry("uint16", DType.U16),
          Map.entry("uint32", DType.U32),
          Map.entry("uint64", DType.U64),
          Map.entry("bool", DType.BOOL),
          Map.entry("float8_e4m3fn", DType.F8_E4M3),
          Map.entry("float8_e5m2", DType.F8_E5M2));

  private static final Set<String> OTHERS =
      Set.of(
          "collections.OrderedDict",
          "collections.Counter",
          "torch.nn.parameter.Parameter",
          "torch.serialization._get_layout",
          "torch.Size",
          "torch.Tensor",
          "torch.device",
          "torch._tensor._rebuild_from_type_v2",
          "_codecs.encode",
          "builtins.bytearray",
          "builtins.set",
          "builtins.complex",
          "argparse.Namespace");

  private static final Set<String> KINDS =
      Stream.of(
              "complex32 complex64 complex128 quint8 qint8 qint32 quint4x2 quint2x4",
              "float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu float4_e2m1fn_x2",
              "per_tensor_affine per_tensor_symmetric per_channel_affine per_channel_symmetric",
              "per_channel_affine_float_qparams",
              "uint1 uint2 uint3 uint4 uint5 uint6 uint7 int1 int2 int3 int4 int5 int6 int7")
          .flatMap(line -> Stream.of(line.split(" ")))
          .collect(Collectors.toUnmodifiableSet());

  private static final Set<String> REBUILDS =
      Set.of(
          "parameter",
          "parameter_with_state",
          "qtensor",
          "tensor",
          "tensor_v2",
          "tensor_v3",
          "sparse_tensor",
          "meta_tensor_no_storage",
          "nested_tensor",
          "wrapper_subclass",
          "device_tensor_from_numpy",
          "device_tensor_from_cpu_tensor");

  private static final int MAX_RANK = 16;

  private TorchNames() {}

  /** Returns a name that a file may hold; throws an exception that names any other. */
  static Name allowed(String module, String name) throws IOException {
    String place = module.equals("__builtin__") ? "builtins" : module; // as Python 2 wrote it
    String full = place + "." + name;
    if (OTHERS.contains(full) || isRebuild(full) || isOfTorch(place, name)) {
      return new Name(full);
    }
    throw new IOException(
        "it names "
            + ZipArchive.shown(full)
            + ", which is no part of a state dict, and nothing of it was run; if you trust the"
            + " file, load it in Python and save model.state_dict() by torch.save");
  }

  private static boolean isRebuild(String full) {
    return full.startsWith(REBUILD) && REBUILDS.contains(full.substring(REBUILD.length()));
  }

  private static boolean isOfTorch(String module, String name) {
    return switch (module) {
      case "torch", "torch.cuda" ->
          isStorage(name)
              || name.endsWith("Tensor")
                  && STORAGES.containsKey(name.substring(0, name.length() - "Tensor".length()))
              || TYPES.containsKey(name)
              || KINDS.contains(name);
      case "torch.storage" -> name.equals("UntypedStorage") || name.equals("TypedStorage");
      default -> false;
    };
  }

  private static boolean isStorage(String name) {
    String type = withoutStorage(name);
    return STORAGES.containsKey(type) || OTHER_STORAGES.contains(type);
  }

  private static String withoutStorage(String name) {
    return name.endsWith(STORAGE) ? name.substring(0, name.length() - STORAGE.length()) : "";
  }

  /**
   * Returns a storage.
   *
   * @param type its class
   * @param key by which the file finds its bytes
   * @param count of elements
   */
  static Storage storage(Object type, Object key, Object count) throws IOException {
    String name = type instanceof Name named ? named.text() : "";
    String simple = name.substring(name.lastIndexOf('.') + 1);
    if (!isStorage(simple)
        || !(key instanceof String text)
        || !(count instanceof Long elements)
        || elements < 0) {
      throw new IOException("its pickle is damaged: it describes a storage wrongly");
    }
    return new Storage(STORAGES.get(withoutStorage(simple)), simple, text, 0, elements);
  }

  /** Returns what the call of an allowed name gives. */
  static Object call(Name function, List<Object> arguments) throws IOException {
    String name = function.text();
    return switch (name) {
      case "collections.OrderedDict", "collections.Counter" -> dictionary(arguments);
      case "torch.Size" -> first(name, arguments);
      case REBUILD + "parameter", REBUILD + "parameter_with_state" -> first(name, arguments);
      case REBUILD + "tensor", REBUILD + "tensor_v2" -> tensor(name, arguments, null);
      case REBUILD + "tensor_v3" -> tensor(name, arguments, at(name, arguments, 6));
      case "torch._tensor._rebuild_from_type_v2" -> ofType(name, arguments);
      default -> new Other(name);
    };
  }

  /** One tensor of a class of its own, or with attributes; a plain one is made of the same. */
  private static Object ofType(String name, List<Object> arguments) throws IOException {
    boolean plain =
        at(name, arguments, 1) instanceof Name type
            && Set.of("torch.Tensor", "torch.nn.parameter.Parameter").contains(type.text());
    if (plain
        && arguments.get(0) instanceof Name function
        && at(name, arguments, 2) instanceof Tuple tuple
        && function.text().startsWith(REBUILD)) { // which does not call this again
      return call(function, tuple.items);
    }
    return new Other("a tensor of a class of its own");
  }

  private static Object dictionary(List<Object> arguments) throws IOException {
    Dictionary result = new Dictionary();
    if (arguments.isEmpty()) {
      return result;
    }
    if (arguments.getFirst() instanceof Dictionary same) {
      return same;
    }
    if (!(arguments.getFirst() instanceof Pickled.Sequence pairs)) { // as Python 2 wrote it
      throw new IOException("its pickle is damaged: it makes a dictionary of what is none");
    }
    for (Object pair : pairs.items) {
      List<Object> items =
          pair instanceof Tuple tuple
              ? tuple.items
              : pair instanceof Pickled.Sequence list ? list.items : List.of();
      if (items.size() != 2) {
        throw new IOException("its pickle is damaged: it makes a dictionary of what is none");
      }
      result.items.put(items.get(0), items.get(1));
    }
    return result;
  }

  private static Object tensor(String name, List<Object> arguments, Object type)
      throws IOException {
    if (!(at(name, arguments, 0) instanceof Storage storage)
        || !(at(name, arguments, 1) instanceof Long offset)
        || !(at(name, arguments, 2) instanceof Tuple size)
        || !(at(name, arguments, 3) instanceof Tuple stride)
        || size.items.size() != stride.items.size()
        || size.items.size() > MAX_RANK) {
      throw new IOException("its pickle is damaged: it describes a tensor wrongly");
    }
    DType element = storage.type();
    if (type instanceof Name named) {
      element = TYPES.get(named.text().substring(named.text().lastIndexOf('.') + 1));
    }
    if (element == null || isNegatedOrConjugate(arguments)) {
      return new Other("a tensor of " + (type instanceof Name n ? n.text() : storage.typeName()));
    }
    return new Tensor(storage, element, offset, longs(size), longs(stride));
  }

  private static long[] longs(Tuple numbers) throws IOException {
    long[] values = new long[numbers.items.size()];
    for (int i = 0; i < values.length; i++) {
      if (!(numbers.items.get(i) instanceof Long value)) {
        throw new IOException("its pickle is damaged: it describes a tensor wrongly");
      }
      values[i] = value;
    }
    return values;
  }

  /** A view whose elements are not those of its storage; its last argument says so. */
  private static boolean isNegatedOrConjugate(List<Object> arguments) {
    return arguments.getLast() instanceof Dictionary flags
        && (Boolean.TRUE.equals(flags.items.get("neg"))
            || Boolean.TRUE.equals(flags.items.get("conj")));
  }

  private static Object first(String name, List<Object> arguments) throws IOException {
    return at(name, arguments, 0);
  }

  private static Object at(String name, List<Object> arguments, int index) throws IOException {
    if (index >= arguments.size()) {
      throw new IOException("its pickle is damaged: " + name + " lacks an argument");
    }
    return arguments.get(index);
  }
}
