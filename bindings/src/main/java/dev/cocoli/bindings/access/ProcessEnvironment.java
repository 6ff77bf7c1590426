package dev.cocoli.bindings.access;

import dev.cocoli.bindings.NativeException;
import dev.cocoli.bindings.status.CStrings;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Sets variables in the C library's environment while a native library is loaded, which reads them
 * then, and removes them afterwards, so that processes started later do not inherit them. A
 * variable that is set already keeps its value. {@link System#getenv} is a copy from the start of
 * the JVM and does not show these variables.
 *
 * <p>Other threads must not read C's environment at the same time; therefore this is used only
 * around the loading of a library.
 */
public final class ProcessEnvironment implements AutoCloseable {
  private final List<String> names = new ArrayList<>();

  /**
   * Sets those of the variables that are not set already.
   *
   * @param variables names and values
   */
  public ProcessEnvironment(Map<String, String> variables) {
    variables.forEach(
        (name, value) -> {
          if (get(name) == null) {
            set(name, value);
            names.add(name);
          }
        });
  }

  /**
   * {@return the value that a native library would read now; null if the variable is not set}
   *
   * @param name the variable's name
   */
  public static String get(String name) {
    MethodHandle getenv = function("getenv", ValueLayout.ADDRESS, ValueLayout.ADDRESS);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment value = (MemorySegment) getenv.invokeExact(arena.allocateFrom(name));
      return value.address() == 0 ? null : CStrings.at(value);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError("a downcall throws nothing else", e);
    }
  }

  private static void set(String name, String value) {
    MethodHandle setenv =
        function(
            "setenv",
            ValueLayout.JAVA_INT,
            ValueLayout.ADDRESS,
            ValueLayout.ADDRESS,
            ValueLayout.JAVA_INT);
    try (Arena arena = Arena.ofConfined()) {
      int overwrite = 0;
      int code =
          (int) setenv.invokeExact(arena.allocateFrom(name), arena.allocateFrom(value), overwrite);
      if (code != 0) {
        throw new NativeException("libc", "setenv", code, "errno", "cannot set " + name);
      }
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError("a downcall throws nothing else", e);
    }
  }

  /** Removes the variables again. A second close does nothing. */
  @Override
  public void close() {
    MethodHandle unsetenv = function("unsetenv", ValueLayout.JAVA_INT, ValueLayout.ADDRESS);
    try (Arena arena = Arena.ofConfined()) {
      for (String name : names) {
        int code = (int) unsetenv.invokeExact(arena.allocateFrom(name));
        if (code != 0) {
          throw new NativeException("libc", "unsetenv", code, "errno", "cannot unset " + name);
        }
      }
      names.clear();
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError("a downcall throws nothing else", e);
    }
  }

  private static MethodHandle function(
      String name, MemoryLayout result, MemoryLayout... arguments) {
    return NativeAccess.function(name, FunctionDescriptor.of(result, arguments));
  }
}
