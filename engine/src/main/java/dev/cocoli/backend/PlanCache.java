package dev.cocoli.backend;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;

/**
 * Keeps what is costly to make; closes what was not used for longest. Images of many sizes make
 * many plans, and native memory may not grow with them.
 *
 * @param <K> a record that says all that a plan depends on
 * @param <V> the plan
 */
public final class PlanCache<K, V extends AutoCloseable> implements AutoCloseable {
  private final int capacity;
  private final Map<K, V> plans = new LinkedHashMap<>(64, 0.75f, true);

  /**
   * Makes an empty cache.
   *
   * @param capacity the most plans to keep
   */
  public PlanCache(int capacity) {
    this.capacity = capacity;
  }

  /**
   * {@return the plan of a key, made if need be}
   *
   * @param key what it depends on
   * @param make makes it
   */
  public V get(K key, Function<? super K, ? extends V> make) {
    V plan = plans.get(key);
    if (plan == null) {
      plan = make.apply(key);
      plans.put(key, plan);
      shrinkTo(capacity);
    }
    return plan;
  }

  private void shrinkTo(int size) {
    while (plans.size() > size) {
      Iterator<V> eldest = plans.values().iterator();
      V victim = eldest.next();
      eldest.remove();
      Closing.all(victim);
    }
  }

  /** Closes all plans but the one that was used last. */
  public void keepLast() {
    shrinkTo(1);
  }

  /** {@return how many plans are kept} */
  public int size() {
    return plans.size();
  }

  @Override
  public void close() {
    try {
      Closing.all(plans.values());
    } finally {
      plans.clear();
    }
  }
}
