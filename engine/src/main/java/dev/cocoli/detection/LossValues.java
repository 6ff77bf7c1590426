package dev.cocoli.detection;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * The losses of a step; the step minimises their sum.
 *
 * @param byName each loss under its name, in the order of {@link DetectionModel#lossNames}
 */
public record LossValues(Map<String, Float> byName) {

  /** Copies the losses. */
  public LossValues {
    byName = Collections.unmodifiableMap(new LinkedHashMap<>(byName));
  }

  /**
   * {@return losses under their names}
   *
   * @param names their names
   * @param values their values in the same order; what follows is left out
   */
  public static LossValues of(List<String> names, float... values) {
    Map<String, Float> byName = new LinkedHashMap<>();
    for (int i = 0; i < names.size(); i++) {
      byName.put(names.get(i), values[i]);
    }
    return new LossValues(byName);
  }

  /** {@return the names of the losses, in order} */
  public List<String> names() {
    return List.copyOf(byName.keySet());
  }

  /**
   * {@return one of the losses}
   *
   * @param name its name
   * @throws IllegalArgumentException if there is none of that name
   */
  public float value(String name) {
    Float value = byName.get(name);
    if (value == null) {
      throw new IllegalArgumentException("no loss " + name + " among " + names());
    }
    return value;
  }

  /** {@return the loss that is minimised} */
  public float total() {
    float total = 0;
    for (float value : byName.values()) {
      total += value;
    }
    return total;
  }

  /** {@return whether all are numbers} */
  public boolean areFinite() {
    return Float.isFinite(total());
  }

  @Override
  public String toString() {
    return byName.entrySet().stream()
        .map(loss -> loss.getKey() + " " + loss.getValue())
        .collect(Collectors.joining(", "));
  }
}
