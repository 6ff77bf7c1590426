package dev.cocoli.nn;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/**
 * Finds a module's keys in a file that has them under other names: with the names of a wrapper
 * before them (torch's {@code DataParallel}, {@code torch.compile}, {@code AveragedModel},
 * Lightning), or as an older version called them.
 */
public final class KeyNames {
  /** What wrappers put before the keys of what they wrap. */
  private static final List<String> WRAPPERS = List.of("module.", "model.", "_orig_mod.");

  /** What {@code torch.compile} puts before the keys of a part. */
  private static final String COMPILED = "._orig_mod.";

  /** The counter that {@code AveragedModel} adds. */
  private static final String AVERAGED = "n_averaged";

  private KeyNames() {}

  /**
   * {@return the arrays under the keys that a module has for them; under their own where it has
   * none}
   *
   * @param module the module
   * @param source arrays under a file's keys
   * @param <T> the type of an array
   */
  public static <T> Map<String, T> of(Module module, Map<String, T> source) {
    Set<String> parameters = module.namedParameters().keySet();
    Set<String> counters = module.namedCounters().keySet();
    Predicate<String> isKnown =
        key ->
            parameters.contains(key)
                || counters.contains(key)
                || parameters.contains(module.currentNested(key));
    Map<String, T> plain = withoutWrappers(source, isKnown);
    return renamed(
        plain,
        key -> {
          String current = module.currentNested(key);
          return parameters.contains(current) && !plain.containsKey(current) ? current : key;
        });
  }

  /**
   * {@return the arrays under keys without the names of wrappers}
   *
   * @param source arrays under a file's keys
   * @param isKnown whether a key is one of the wrapped model's; where one is, nothing is wrapped
   * @param <T> the type of an array
   */
  public static <T> Map<String, T> withoutWrappers(
      Map<String, T> source, Predicate<String> isKnown) {
    Map<String, T> found =
        renamed(source, key -> isKnown.test(key) ? key : key.replace(COMPILED, "."));
    while (found.keySet().stream().noneMatch(isKnown)) {
      Map<String, T> inner = renamed(found, KeyNames::unwrapped);
      if (inner.equals(found)) {
        return source;
      }
      found = inner;
    }
    if (!isKnown.test(AVERAGED)) {
      found.remove(AVERAGED);
    }
    return found;
  }

  private static String unwrapped(String key) {
    return WRAPPERS.stream()
        .filter(key::startsWith)
        .findFirst()
        .map(wrapper -> key.substring(wrapper.length()))
        .orElse(key);
  }

  /** Renames keys; one whose new name another has keeps its own, and is unknown then. */
  private static <T> Map<String, T> renamed(Map<String, T> source, UnaryOperator<String> name) {
    Map<String, T> result = new LinkedHashMap<>();
    source.forEach(
        (key, value) -> {
          String other = name.apply(key);
          boolean taken =
              result.containsKey(other) || !other.equals(key) && source.containsKey(other);
          result.put(taken ? key : other, value);
        });
    return result;
  }
}
