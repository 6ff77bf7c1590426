package dev.cocoli.train;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.primitives.Losses;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiFunction;

/** Makes backends on which something goes wrong. */
public final class FaultyBackend {
  private FaultyBackend() {}

  /** A backend whose n-th call of a method does something else first. */
  public static Backend of(Backend backend, String method, int call, Runnable fault) {
    AtomicInteger calls = new AtomicInteger();
    return wrapped(
        Backend.class,
        backend,
        (name, arguments) -> {
          if (name.equals(method) && calls.incrementAndGet() == call) {
            fault.run();
          }
          return null;
        });
  }

  /** Something whose calls, and those of the facets that it returns, are announced first. */
  public static <T> T wrapped(
      Class<T> type, Object wrapped, BiFunction<String, Object[], Object> before) {
    return type.cast(
        Proxy.newProxyInstance(
            type.getClassLoader(),
            new Class<?>[] {type},
            (proxy, method, arguments) -> {
              before.apply(method.getName(), arguments);
              try {
                Object result = method.invoke(wrapped, arguments);
                Class<?> facet = method.getReturnType();
                return facet.isInterface() && facet.getPackage().equals(Losses.class.getPackage())
                    ? wrapped(facet, result, before)
                    : result;
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            }));
  }
}
