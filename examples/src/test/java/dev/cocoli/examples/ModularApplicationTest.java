package dev.cocoli.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The examples as a modular application: compiled against the jars on the module path, and started
 * with native access for one module and nothing else.
 */
@Tag("slow")
class ModularApplicationTest {
  /** The jars that such an application has. */
  private static final Pattern JARS =
      Pattern.compile(
          "(cocoli-(natives|bindings|engine|report)|jackson-|liblinear|xchart)[^/]*\\.jar");

  /** What jlink cannot link: modules without a descriptor, and what requires them. */
  private static final Pattern NOT_LINKED =
      Pattern.compile(".*/((liblinear|xchart|cocoli-report)[^/]*\\.jar|report/target/classes)");

  private static final String DESCRIPTOR =
      """
      module com.example.street {
        requires dev.cocoli;
      }
      """;

  /** Trains a model with a hyper-parameter for a step, and detects with it. */
  private static final String PROGRAM =
      """
      package com.example.street;

      import dev.cocoli.Detector;
      import dev.cocoli.backend.Backend;
      import dev.cocoli.backend.Backends;
      import dev.cocoli.data.Dataset;
      import dev.cocoli.data.formats.VocDataset;
      import dev.cocoli.data.synthetic.ShapeScenes;
      import dev.cocoli.data.synthetic.ShapeScenesConfig;
      import dev.cocoli.detection.ModelSpec;
      import dev.cocoli.nn.Norm;
      import dev.cocoli.tensor.Device;
      import dev.cocoli.train.TrainConfig;
      import dev.cocoli.train.Trainer;
      import dev.cocoli.train.TrainingException;
      import dev.cocoli.train.TrainingListener;
      import dev.cocoli.train.TrainingRun;
      import java.nio.file.Path;
      import java.util.Map;

      final class Main {
        public static void main(String[] args) throws Exception {
          Path folder = Path.of(args[3]);
          Path images = folder.resolve("images");
          new ShapeScenes(ShapeScenesConfig.of(64, 64, 1)).writeVoc(images, 2, 0);
          Dataset data = VocDataset.open(images, "train");
          ModelSpec model =
              ModelSpec.of(args[0], data.classNames(), Norm.Type.BATCH)
                  .with(Map.of(args[1], args[2]));
          TrainConfig config = TrainConfig.DEFAULT.withEpochs(1).withBatch(2);
          TrainingRun run = TrainingRun.of(model, data, config, folder.resolve("run"));
          try (Backend backend = Backends.open(Device.CPU)) {
            new Trainer(run, backend, TrainingListener.NONE).start();
          } catch (TrainingException e) {
            System.out.println("refused: " + e.getMessage());
            return;
          }
          try (Detector detector = Detector.open(folder.resolve("run/last.safetensors"))) {
            int found = detector.detect(data.image(0)).size();
            System.out.println("found " + (found >= 0) + " " + Runtime.version().feature());
          }
        }
      }
      """;

  private final Path java = Path.of(System.getProperty("java.home"), "bin");
  @TempDir private Path folder;

  @Test
  void trainsWithNativeAccessForTheBindingsAlone() throws Exception {
    String modules = modulePath();
    Path classes = folder.resolve("classes");
    List<String> compile =
        new ArrayList<>(List.of("javac", "-Xlint:all,-requires-automatic", "-Werror"));
    compile.addAll(List.of("-p", modules, "-d", classes.toString()));
    try (Stream<Path> sources = Files.walk(Path.of("src/main/java"))) {
      sources.map(Path::toString).filter(name -> name.endsWith(".java")).forEach(compile::add);
    }
    assertEquals("", run(compile));

    Path out = folder.resolve("run");
    List<String> start = new ArrayList<>(List.of("java", "-Djava.awt.headless=true"));
    start.addAll(List.of("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
    start.add("--enable-native-access=dev.cocoli.bindings");
    // what would be a warning today is an error
    start.add("--illegal-native-access=deny");
    start.addAll(List.of("-p", modules + File.pathSeparator + classes));
    start.addAll(List.of("-m", "dev.cocoli.examples/" + TrainInMemory.class.getName()));
    start.addAll(List.of(out.toString(), "8", "1"));
    String said = run(start);
    assertTrue(said.lines().anyMatch(line -> line.startsWith("trained 2 of 2 steps")), said);
    assertTrue(Files.size(out.resolve("losses.png")) > 1000);
  }

  @Test
  void isLinkedIntoAnImageOfItsOwn() throws Exception {
    String modules = modulePath();
    Path sources = Files.createDirectories(folder.resolve("com/example/street"));
    Path program = Files.writeString(sources.resolve("Main.java"), PROGRAM);
    Path descriptor = Files.writeString(folder.resolve("module-info.java"), DESCRIPTOR);
    Path classes = folder.resolve("street");
    List<String> compile = new ArrayList<>(List.of("javac", "-p", modules));
    compile.addAll(List.of("-d", classes.toString(), descriptor.toString(), program.toString()));
    assertEquals("", run(compile));

    String linked =
        Stream.of(modules.split(File.pathSeparator))
            .filter(place -> !NOT_LINKED.matcher(place).matches())
            .collect(Collectors.joining(File.pathSeparator));
    Path image = folder.resolve("runtime");
    List<String> link = new ArrayList<>(List.of("jlink"));
    link.addAll(List.of("-p", linked + File.pathSeparator + classes));
    link.addAll(List.of("--add-modules", "com.example.street"));
    link.add(
        "--add-options= --enable-native-access=dev.cocoli.bindings -XX:+UseSerialGC"
            + " -XX:TieredStopAtLevel=1");
    link.addAll(List.of("--launcher", "street=com.example.street/com.example.street.Main"));
    link.addAll(List.of("--output", image.toString()));
    assertEquals("", run(link));

    List<String> start = new ArrayList<>(List.of(image.resolve("bin/street").toString()));
    List<String> faster = List.of("fasterrcnn_tiny_fpn", "min_size", "64");
    String said = run(with(start, faster, "faster"));
    assertTrue(said.startsWith("found true "), said);

    // what was not linked is asked for by name, and may lie on the module path
    List<String> rcnn = List.of("rcnn_tiny", "max_proposals", "20");
    String refused = run(with(start, rcnn, "refused"));
    assertTrue(refused.startsWith("refused: ") && refused.contains("--add-modules"), refused);
    String liblinear =
        Stream.of(modules.split(File.pathSeparator))
            .filter(place -> place.contains("liblinear"))
            .findAny()
            .orElseThrow();
    start = new ArrayList<>(List.of(image.resolve("bin/java").toString()));
    start.addAll(List.of("-p", liblinear, "--add-modules", "liblinear"));
    start.addAll(List.of("-m", "com.example.street/com.example.street.Main"));
    said = run(with(start, rcnn, "rcnn"));
    assertTrue(said.startsWith("found true "), said);
  }

  private List<String> with(List<String> start, List<String> arguments, String name) {
    List<String> line = new ArrayList<>(start);
    line.addAll(arguments);
    line.add(folder.resolve(name).toString());
    return line;
  }

  private static String modulePath() {
    List<String> path =
        Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
            .filter(ModularApplicationTest::isModule)
            .toList();
    if (path.stream().noneMatch(place -> place.contains("engine"))) {
      String reason = "the library was compiled without its modules, not by Maven";
      assertFalse(System.getProperties().containsKey("surefire.test.class.path"), reason);
      System.out.println("skipped: " + reason);
      Assumptions.abort(reason);
    }
    return path.stream().collect(Collectors.joining(File.pathSeparator));
  }

  private static boolean isModule(String place) {
    Path path = Path.of(place);
    boolean folder =
        Files.exists(path.resolve("module-info.class")) && !path.toString().contains("examples");
    return folder || JARS.matcher(path.getFileName().toString()).matches();
  }

  private String run(List<String> command) throws Exception {
    List<String> line = new ArrayList<>(command);
    line.set(0, java.resolve(command.getFirst()).toString());
    Process process = new ProcessBuilder(line).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), said);
    return said;
  }
}
