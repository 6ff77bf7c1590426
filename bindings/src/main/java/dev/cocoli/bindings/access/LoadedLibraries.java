package dev.cocoli.bindings.access;

import dev.cocoli.bindings.status.CStrings;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * Loads native libraries for the process, and finds their functions. {@link System#load} ties a
 * library to one class loader and refuses it to every other; here each class loader that has a copy
 * of this class asks the system's loader, which maps a file once and gives it to all. A library is
 * never unloaded, because threads of its own may run in it.
 */
public final class LoadedLibraries {
  private static final int RTLD_NOW = 2; // from dlfcn.h

  /** The youngest first. */
  private static final List<SymbolLookup> LOADED = new CopyOnWriteArrayList<>();

  private LoadedLibraries() {}

  /**
   * Loads a library. Libraries that it needs are taken from those that the process has, by their
   * names, before the system searches for them.
   *
   * @param file the library's file
   * @return its functions, and those of the libraries that it needs
   * @throws UnsatisfiedLinkError if the system cannot load it; the message has the system's reason
   */
  public static SymbolLookup load(Path file) {
    SymbolLookup library;
    try {
      library = SymbolLookup.libraryLookup(file, Arena.global());
    } catch (IllegalArgumentException e) {
      UnsatisfiedLinkError error = new UnsatisfiedLinkError(reason(file));
      error.initCause(e);
      throw error;
    }
    LOADED.addFirst(library);
    return library;
  }

  /**
   * Returns the functions of all libraries that were loaded here, also of those that will be.
   *
   * @return a lookup for the generated bindings
   */
  public static SymbolLookup lookup() {
    return LoadedLibraries::find;
  }

  private static Optional<MemorySegment> find(String name) {
    for (SymbolLookup library : LOADED) {
      Optional<MemorySegment> symbol = library.find(name);
      if (symbol.isPresent()) {
        return symbol;
      }
    }
    return Optional.empty();
  }

  /** Tries once more, because Java keeps the system's reason to itself. */
  private static String reason(Path file) {
    MethodHandle dlopen =
        NativeAccess.function(
            "dlopen",
            FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.ADDRESS, ValueLayout.JAVA_INT));
    MethodHandle dlerror =
        NativeAccess.function("dlerror", FunctionDescriptor.of(ValueLayout.ADDRESS));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment library =
          (MemorySegment) dlopen.invokeExact(arena.allocateFrom(file.toString()), RTLD_NOW);
      if (library.address() != 0) {
        return "it cannot be loaded";
      }
      return printable(CStrings.at((MemorySegment) dlerror.invokeExact()));
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError("a downcall throws nothing else", e);
    }
  }

  /** The text of a damaged file may be any bytes. */
  private static String printable(String text) {
    return text.codePoints()
        .map(point -> Character.isISOControl(point) || point > 0x7e ? '?' : point)
        .limit(300)
        .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
        .toString();
  }
}
