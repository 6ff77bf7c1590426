package dev.cocoli.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.bindings.onednn.Dnnl;
import dev.cocoli.bindings.onednn.OneDnn;
import dev.cocoli.bindings.onednn.OpenMpTeam;
import java.io.File;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

/** Several class loaders load the same libraries, as after a redeploy or in several plug-ins. */
class ClassLoadersTest {
  /** What a class loader runs: it loads every library that is there, and calls each of them. */
  public static final class Caller implements Supplier<String> {
    @Override
    public String get() {
      Path file = OneDnn.load();
      CompletableFuture.runAsync(() -> OpenMpTeam.resize(1)).join(); // for another thread alone
      List<String> found = new ArrayList<>();
      found.add(file + " " + LibraryVersions.oneDnn() + " " + Dnnl.dnnl_get_effective_cpu_isa());
      for (NvidiaLibrary library : NvidiaLibrary.values()) {
        LibraryReport report = NvidiaLibraries.report(library);
        boolean complete =
            library.needs().stream().allMatch(n -> NvidiaLibraries.report(n).file().isPresent());
        if (report.file().isPresent() && complete) {
          NvidiaLibraries.load(library);
          found.add(library + " " + NvidiaLibraries.report(library).version());
        }
      }
      return String.join("\n", found);
    }
  }

  @Test
  void twoAtOnceShareTheLibraries() throws Exception {
    try (URLClassLoader first = loader();
        URLClassLoader second = loader()) {
      Supplier<String> one = caller(first);
      Supplier<String> other = caller(second);
      assertNotSame(one.getClass(), other.getClass());
      String found = one.get();
      assertEquals(found, other.get());
      assertEquals(found, one.get());
      assertTrue(found.contains("libdnnl.so.3"), found);
    }
  }

  @Test
  void oneAfterTheOtherLoadsThemAgain() throws Exception {
    String found = new Caller().get(); // this test's own class loader
    for (int i = 0; i < 3; i++) {
      try (URLClassLoader next = loader()) {
        assertEquals(found, caller(next).get());
      }
    }
  }

  private static URLClassLoader loader() throws MalformedURLException {
    List<URL> urls = new ArrayList<>();
    for (String place : System.getProperty("java.class.path").split(File.pathSeparator)) {
      urls.add(Path.of(place).toUri().toURL());
    }
    return new URLClassLoader(urls.toArray(URL[]::new), ClassLoader.getPlatformClassLoader());
  }

  @SuppressWarnings("unchecked")
  private static Supplier<String> caller(ClassLoader loader) throws ReflectiveOperationException {
    return (Supplier<String>)
        loader.loadClass(Caller.class.getName()).getConstructor().newInstance();
  }
}
