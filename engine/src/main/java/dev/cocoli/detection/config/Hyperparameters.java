package dev.cocoli.detection.config;

import dev.cocoli.nn.Norm;
import java.lang.reflect.AccessibleObject;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Reads and changes an {@link RcnnConfig} by torchvision's names, such as {@code
 * rpn_post_nms_top_n_train}: for command lines and files. Programs change the records themselves.
 * The normalisations of the backbone are none of them: files and command lines name these apart.
 */
public final class Hyperparameters {
  /** What the names of a part begin with where torchvision's do not begin with the part's name. */
  private static final Map<String, String> PREFIXES =
      Map.of(
          "transform", "",
          "backbone", "",
          "anchors", "anchor_",
          "sampling", "box_",
          "boxHead", "box_",
          "classic", "",
          "stages", "",
          "own", "");

  /** The largest integer that a file or command line can set; sizes of tensors never overflow. */
  private static final int LARGEST_INTEGER = 1 << 24;

  private static final Pattern CAPITAL = Pattern.compile("[A-Z]");

  private Hyperparameters() {}

  /**
   * {@return the names, part by part}
   *
   * @param config the configuration, which may have some of its own
   */
  public static List<String> names(RcnnConfig config) {
    return List.copyOf(values(config).keySet());
  }

  /**
   * {@return every value under its name; a list's elements are separated by commas}
   *
   * @param config the values
   * @throws IllegalArgumentException if two have the same name, or one of a model's own is not of a
   *     type that can be recorded
   */
  public static Map<String, String> values(RcnnConfig config) {
    Map<String, String> result = new LinkedHashMap<>();
    collect("", config, result);
    return result;
  }

  private static void collect(String prefix, Record config, Map<String, String> result) {
    for (RecordComponent component : config.getClass().getRecordComponents()) {
      switch (get(component, config)) {
        case Record part -> collect(prefixOf(component), part, result);
        case Norm.Type ignored -> {}
        case Object value -> {
          String name = name(prefix, component);
          if (result.put(name, text(value)) != null) {
            throw new IllegalArgumentException("two hyper-parameters are called " + name);
          }
          if (!parse(name, value, result.get(name)).equals(value)) {
            throw new IllegalArgumentException(
                "hyper-parameter " + name + " cannot be recorded: " + value);
          }
        }
      }
    }
  }

  /**
   * {@return the configuration with some values changed}
   *
   * @param config the others
   * @param changes values under their names
   * @throws IllegalArgumentException if a name is unknown or a value does not fit
   */
  public static RcnnConfig with(RcnnConfig config, Map<String, String> changes) {
    Map<String, String> left = new LinkedHashMap<>(changes);
    RcnnConfig changed = change("", config, left);
    if (!left.isEmpty()) {
      throw new IllegalArgumentException(
          "unknown hyper-parameter %s; known are %s"
              .formatted(String.join(", ", left.keySet()), String.join(", ", names(config))));
    }
    return changed;
  }

  /** A copy of a record; what it takes from the changes is removed there. */
  private static <R extends Record> R change(String prefix, R old, Map<String, String> changes) {
    RecordComponent[] components = old.getClass().getRecordComponents();
    Object[] arguments = new Object[components.length];
    for (int i = 0; i < components.length; i++) {
      String name = name(prefix, components[i]);
      Object value = get(components[i], old);
      String text = value instanceof Norm.Type ? null : changes.remove(name);
      arguments[i] =
          value instanceof Record part
              ? change(prefixOf(components[i]), part, changes)
              : text == null ? value : parse(name, value, text);
    }
    return copy(old, components, arguments);
  }

  /** A copy of a record with another value of one component, which has the type of that. */
  static <R extends Record> R with(R old, String name, Object value) {
    RecordComponent[] components = old.getClass().getRecordComponents();
    Object[] arguments =
        Arrays.stream(components)
            .map(component -> component.getName().equals(name) ? value : get(component, old))
            .toArray();
    return copy(old, components, arguments);
  }

  private static <R extends Record> R copy(R old, RecordComponent[] components, Object... values) {
    Class<?>[] types =
        Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new);
    try {
      @SuppressWarnings("unchecked")
      Constructor<R> constructor = (Constructor<R>) old.getClass().getDeclaredConstructor(types);
      open(constructor, old);
      return constructor.newInstance(values);
    } catch (InvocationTargetException e) {
      throw new IllegalArgumentException(e.getCause().getMessage(), e);
    } catch (ReflectiveOperationException e) {
      throw new LinkageError("the record's own constructor", e);
    }
  }

  private static Object get(RecordComponent component, Record config) {
    try {
      open(component.getAccessor(), config);
      return component.getAccessor().invoke(config);
    } catch (ReflectiveOperationException e) {
      throw new LinkageError("the record's own accessor", e);
    }
  }

  /** A record of a program's own may be in a module of its own, or not be public. */
  private static void open(AccessibleObject member, Record config) {
    if (!member.trySetAccessible()) {
      throw new IllegalArgumentException(
          "the hyper-parameters %s cannot be read: make it public, and export its package"
              .formatted(config.getClass().getName()));
    }
  }

  private static String prefixOf(RecordComponent part) {
    return PREFIXES.getOrDefault(part.getName(), words(part) + "_");
  }

  private static String name(String prefix, RecordComponent component) {
    String words = words(component);
    return words.equals("reg_weights") ? "bbox_reg_weights" : prefix + words;
  }

  private static String words(RecordComponent component) {
    return CAPITAL.matcher(component.getName()).replaceAll("_$0").toLowerCase(Locale.ROOT);
  }

  private static String text(Object value) {
    return switch (value) {
      case List<?> list -> list.stream().map(Object::toString).collect(Collectors.joining(","));
      case Enum<?> word -> word.name().toLowerCase(Locale.ROOT);
      default -> value.toString();
    };
  }

  private static Object parse(String name, Object like, String text) {
    try {
      return switch (like) {
        case Integer ignored -> bounded(text);
        case Long ignored -> (long) bounded(text);
        case Float ignored -> finite(text);
        case Double ignored -> finiteDouble(text);
        case Boolean ignored -> flag(text);
        case String ignored -> text;
        case Enum<?> word ->
            Enum.valueOf(word.getDeclaringClass(), text.strip().toUpperCase(Locale.ROOT));
        case List<?> list when !list.isEmpty() -> {
          Object first = list.getFirst();
          yield Arrays.stream(text.split(",")).map(part -> parse(name, first, part)).toList();
        }
        default ->
            throw new IllegalArgumentException(
                "it is of " + like.getClass() + ", which is no type of hyper-parameter");
      };
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "hyper-parameter " + name + " cannot be '" + text + "'; its default is " + like, e);
    }
  }

  private static Integer bounded(String text) {
    int value = Integer.parseInt(text.strip());
    if (value < -LARGEST_INTEGER || value > LARGEST_INTEGER) {
      throw new NumberFormatException(text);
    }
    return value;
  }

  private static Float finite(String text) {
    float value = Float.parseFloat(text.strip());
    if (!Float.isFinite(value)) {
      throw new NumberFormatException(text);
    }
    return value;
  }

  private static Double finiteDouble(String text) {
    double value = Double.parseDouble(text.strip());
    if (!Double.isFinite(value)) {
      throw new NumberFormatException(text);
    }
    return value;
  }

  private static Boolean flag(String text) {
    return switch (text.strip()) {
      case "true" -> true;
      case "false" -> false;
      default -> throw new IllegalArgumentException(text);
    };
  }

  static void requireFraction(String name, float value) {
    require(value >= 0 && value <= 1, name + " is 0 to 1, not " + value);
  }

  static void requirePositive(String name, long value) {
    require(value >= 1, name + " is at least 1, not " + value);
  }

  static void require(boolean holds, String rule) {
    if (!holds) {
      throw new IllegalArgumentException("bad hyper-parameter: " + rule);
    }
  }
}
