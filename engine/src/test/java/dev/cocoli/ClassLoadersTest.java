package dev.cocoli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.detection.ModelSpec;
import dev.cocoli.files.OutputFile;
import dev.cocoli.nn.Norm;
import dev.cocoli.structures.Detection;
import dev.cocoli.testing.Fixtures;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.ref.WeakReference;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The library in several class loaders of one process: plug-ins, or an application's redeploy. */
@Tag("slow")
class ClassLoadersTest {
  private static final Path WEIGHTS =
      Fixtures.folder("oracle").resolve("frcnn-tiny-batch-0/weights.safetensors");

  /** What a class loader runs: from a weights file to the detections as text. */
  public static final class Detecting implements UnaryOperator<String> {
    @Override
    public String apply(String weights) {
      BufferedImage image = new BufferedImage(96, 64, BufferedImage.TYPE_INT_RGB);
      Graphics2D pen = image.createGraphics();
      pen.setColor(Color.ORANGE);
      pen.fillOval(10, 8, 50, 40);
      pen.dispose();
      ModelSpec spec = ModelSpec.of("fasterrcnn_tiny_fpn", List.of("a", "b", "c"), Norm.Type.BATCH);
      try (Detector detector =
          Detector.open(Path.of(weights), DetectorOptions.DEFAULT.withSpec(spec))) {
        List<Detection> found = detector.detect(image);
        Path folder = Files.createTempDirectory("cocoli-class-loader");
        Path file = folder.resolve("found.json");
        OutputFile.write(file, Detection.toJson(found).getBytes(StandardCharsets.UTF_8));
        Files.delete(file);
        Files.delete(folder);
        return found.size() + " " + found;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  @Test
  void twoAtOnceDetectTheSame() throws Exception {
    String expected = new Detecting().apply(WEIGHTS.toString());
    assertTrue(!expected.startsWith("0 "), expected);
    try (URLClassLoader first = loader();
        URLClassLoader second = loader();
        ExecutorService threads = Executors.newFixedThreadPool(2)) {
      assertNotSame(detection(first).getClass(), detection(second).getClass());
      List<Callable<String>> calls = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        UnaryOperator<String> detection = detection(i % 2 == 0 ? first : second);
        calls.add(() -> detection.apply(WEIGHTS.toString()));
      }
      for (Future<String> found : threads.invokeAll(calls)) {
        assertEquals(expected, found.get());
      }
    }
  }

  /**
   * Redeploys in a process whose collector does not spare soft references. Prints a line per
   * deployment.
   */
  public static final class Redeploys {
    private Redeploys() {}

    /** Detects by the weights of the first argument, in three class loaders, one by one. */
    public static void main(String[] arguments) throws Exception {
      for (int i = 0; i < 3; i++) {
        WeakReference<ClassLoader> gone = redeploy(arguments[0]);
        for (int tries = 0; tries < 100 && gone.get() != null; tries++) {
          System.gc();
          Thread.sleep(20);
        }
        System.out.println(gone.get() == null ? "collected" : "held");
      }
    }

    private static WeakReference<ClassLoader> redeploy(String weights) throws Exception {
      try (URLClassLoader loader = loader()) {
        String found = detection(loader).apply(weights);
        if (found.startsWith("0 ")) {
          throw new IllegalStateException("nothing was detected");
        }
        return new WeakReference<>(loader);
      }
    }
  }

  @Test
  void oneAfterTheOtherAndEachIsCollected() throws Exception {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-Djava.awt.headless=true",
                "-XX:SoftRefLRUPolicyMSPerMB=0",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                Redeploys.class.getName(),
                WEIGHTS.toString())
            .redirectErrorStream(true)
            .start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals("collected\ncollected\ncollected\n", said);
    assertEquals(0, process.waitFor());
  }

  private static URLClassLoader loader() throws MalformedURLException {
    List<URL> urls = new ArrayList<>();
    for (String place : System.getProperty("java.class.path").split(File.pathSeparator)) {
      urls.add(Path.of(place).toUri().toURL());
    }
    return new URLClassLoader(urls.toArray(URL[]::new), ClassLoader.getPlatformClassLoader());
  }

  @SuppressWarnings("unchecked")
  private static UnaryOperator<String> detection(ClassLoader loader)
      throws ReflectiveOperationException {
    return (UnaryOperator<String>)
        loader.loadClass(Detecting.class.getName()).getConstructor().newInstance();
  }
}
