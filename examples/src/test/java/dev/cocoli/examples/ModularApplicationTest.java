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
    start.add("--enable-native-access=dev.cocoli.bindings");
    // what would be a warning today is an error
    start.add("--illegal-native-access=deny");
    start.addAll(List.of("-p", modules + File.pathSeparator + classes));
    start.addAll(List.of("-m", "dev.cocoli.examples/" + TrainInMemory.class.getName()));
    start.addAll(List.of(out.toString(), "8", "1"));
    String said = run(start);
    assertTrue(said.startsWith("trained 2 of 2 steps"), said);
    assertTrue(Files.size(out.resolve("losses.png")) > 1000);
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
