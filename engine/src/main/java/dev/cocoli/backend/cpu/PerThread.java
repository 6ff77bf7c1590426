package dev.cocoli.backend.cpu;

import java.lang.ref.SoftReference;
import java.util.function.Supplier;

/**
 * Scratch memory of a loop, one object per thread. The threads that call outlive the backend, and
 * those of an application server outlive the application: they hold the object softly, so that
 * neither its memory nor its class loader has to stay.
 *
 * @param <T> the object
 */
public final class PerThread<T> {
  private final ThreadLocal<SoftReference<T>> kept = new ThreadLocal<>();
  private final Supplier<T> make;

  /**
   * Makes nothing yet.
   *
   * @param make makes a thread's object
   */
  public PerThread(Supplier<T> make) {
    this.make = make;
  }

  /** {@return the calling thread's object, whose content is anything} */
  public T get() {
    SoftReference<T> reference = kept.get();
    T object = reference == null ? null : reference.get();
    if (object == null) {
      object = make.get();
      kept.set(new SoftReference<>(object));
    }
    return object;
  }
}
