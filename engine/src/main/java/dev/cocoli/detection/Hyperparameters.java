package dev.cocoli.detection;

import dev.cocoli.detection.head.RoiPooling;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Reads and changes a {@link DetectorConfig} by torchvision's names, such as {@code
 * rpn_post_nms_top_n_train}.
 */
public final class Hyperparameters {
  private static final RecordComponent[] COMPONENTS = DetectorConfig.class.getRecordComponents();

  private Hyperparameters() {}

  /** {@return the names, in the record's order} */
  public static List<String> names() {
    return Arrays.stream(COMPONENTS).map(c -> snakeCase(c.getName())).toList();
  }

  /**
   * {@return every value under its name; a list's elements are separated by commas}
   *
   * @param config the values
   */
  public static Map<String, String> values(DetectorConfig config) {
    Map<String, String> result = new LinkedHashMap<>();
    for (RecordComponent component : COMPONENTS) {
      Object value = get(component, config);
      String text =
          value instanceof List<?> list
              ? list.stream().map(Object::toString).collect(Collectors.joining(","))
              : value instanceof Enum<?> word
                  ? word.name().toLowerCase(Locale.ROOT)
                  : value.toString();
      result.put(snakeCase(component.getName()), text);
    }
    return result;
  }

  /**
   * {@return the configuration with some values changed}
   *
   * @param config the others
   * @param changes values under their names
   * @throws IllegalArgumentException if a name is unknown or a value does not fit
   */
  public static DetectorConfig with(DetectorConfig config, Map<String, String> changes) {
    Object[] arguments = new Object[COMPONENTS.length];
    Map<String, String> left = new LinkedHashMap<>(changes);
    for (int i = 0; i < COMPONENTS.length; i++) {
      String name = snakeCase(COMPONENTS[i].getName());
      Object old = get(COMPONENTS[i], config);
      String text = left.remove(name);
      arguments[i] = text == null ? old : parse(name, old, text);
    }
    if (!left.isEmpty()) {
      throw new IllegalArgumentException(
          "unknown hyper-parameter "
              + String.join(", ", left.keySet())
              + "; known are "
              + String.join(", ", names()));
    }
    try {
      Class<?>[] types =
          Arrays.stream(COMPONENTS).map(RecordComponent::getType).toArray(Class<?>[]::new);
      return DetectorConfig.class.getDeclaredConstructor(types).newInstance(arguments);
    } catch (java.lang.reflect.InvocationTargetException e) {
      throw new IllegalArgumentException(e.getCause().getMessage(), e);
    } catch (ReflectiveOperationException e) {
      throw new LinkageError("the record's own constructor", e);
    }
  }

  private static Object get(RecordComponent component, DetectorConfig config) {
    try {
      return component.getAccessor().invoke(config);
    } catch (ReflectiveOperationException e) {
      throw new LinkageError("the record's own accessor", e);
    }
  }

  private static Object parse(String name, Object like, String text) {
    try {
      return switch (like) {
        case Integer ignored -> Integer.valueOf(text.strip());
        case Long ignored -> Long.valueOf(text.strip());
        case Float ignored -> finite(text);
        case RoiPooling ignored -> RoiPooling.valueOf(text.strip().toUpperCase(Locale.ROOT));
        case List<?> list -> {
          Object first = list.getFirst();
          yield Arrays.stream(text.split(",")).map(part -> parse(name, first, part)).toList();
        }
        default -> throw new LinkageError("no such type of hyper-parameter: " + like.getClass());
      };
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "hyper-parameter " + name + " cannot be '" + text + "'; its default is " + like, e);
    }
  }

  private static Float finite(String text) {
    float value = Float.parseFloat(text.strip());
    if (!Float.isFinite(value)) {
      throw new NumberFormatException(text);
    }
    return value;
  }

  private static String snakeCase(String camelCase) {
    return camelCase.replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
  }
}
