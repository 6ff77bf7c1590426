package dev.cocoli.cli;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static java.util.Map.entry;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.library.GeneralCodingRules;
import dev.cocoli.Detector;
import dev.cocoli.failure.CocoliException;
import dev.cocoli.onnx.OnnxExport;
import dev.cocoli.report.TrainingPlots;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Imports go one way, and only the backends know that there are native libraries. */
class ArchitectureTest {
  private static final String BASE = "dev.cocoli";

  /**
   * What a package may import: those that are named and its own sub-packages. A package that is
   * missing here is an error, so that each new one is given its place.
   */
  private static final Map<String, Set<String>> MAY_IMPORT =
      Map.ofEntries(
          // the base class of exceptions, in the module of the bindings
          entry("failure", Set.of()),
          entry("tensor", Set.of()),
          entry("structures", Set.of()),
          entry("files", Set.of()),
          // process groups and rendezvous: what needs a backend is a backend's communicator
          entry("distributed", Set.of("tensor", "failure")),
          // Backends, the one class there that names its implementations, opens one
          entry(
              "backend", Set.of("tensor", "distributed", "failure", "backend.cpu", "backend.cuda")),
          entry("backend.cpu", Set.of("tensor", "distributed", "backend", "bindings")),
          entry("backend.cuda", Set.of("tensor", "distributed", "backend", "bindings")),
          entry("ops", Set.of("tensor", "distributed", "backend")),
          entry("nn", Set.of("tensor", "backend", "ops")),
          // bindings: images lie in memory that only that module may ask the C library for
          entry("data", Set.of("tensor", "structures", "files", "backend", "bindings", "failure")),
          entry("detection", Set.of("tensor", "structures", "backend", "ops", "nn", "files")),
          entry("eval", Set.of("structures", "files", "data")),
          entry("report", Set.of("structures", "files")),
          entry("onnx", Set.of("", "tensor", "files", "backend", "nn", "detection")),
          // the facade, dev.cocoli itself
          entry("", Set.of("tensor", "structures", "backend", "ops", "nn", "detection", "data")),
          entry(
              "train",
              Set.of(
                  "",
                  "tensor",
                  "structures",
                  "files",
                  "distributed",
                  "backend",
                  "ops",
                  "nn",
                  "detection",
                  "data",
                  "eval",
                  "failure")),
          // bindings: doctor prints what their Doctor found
          entry(
              "cli",
              Set.of(
                  "",
                  "tensor",
                  "structures",
                  "files",
                  "distributed",
                  "backend",
                  "detection",
                  "data",
                  "eval",
                  "report",
                  "onnx",
                  "train",
                  "bindings",
                  "nn")));

  /** A class of each module, by which its folder or jar is found. */
  private static final List<Class<?>> MODULES =
      List.of(
          CocoliException.class, Detector.class, TrainingPlots.class, OnnxExport.class, Main.class);

  private static JavaClasses classes;

  /** Reads the modules alone: a search of the whole class path takes longer than all rules. */
  @BeforeAll
  static void read() {
    classes =
        new ClassFileImporter()
            .importUrls(
                MODULES.stream()
                    .map(type -> type.getProtectionDomain().getCodeSource().getLocation())
                    .toList());
  }

  @Test
  void importsGoOneWay() {
    Set<String> wrong = new TreeSet<>();
    for (JavaClass from : classes) {
      String room = room(from);
      if (room.equals("bindings")) {
        continue; // that module has no other on its class path
      }
      for (Dependency dependency : from.getDirectDependenciesFromSelf()) {
        JavaClass to = dependency.getTargetClass().getBaseComponentType();
        if (isOurs(to) && !room.equals(room(to)) && !MAY_IMPORT.get(room).contains(room(to))) {
          wrong.add(from.getName() + " may not use " + to.getName());
        }
      }
    }
    assertEquals(Set.of(), wrong);
  }

  @Test
  void onlyTheFactoryNamesTheBackends() {
    Set<String> wrong = new TreeSet<>();
    for (JavaClass from : classes) {
      if (room(from).equals("backend") && !from.getName().startsWith(BASE + ".backend.Backends")) {
        for (Dependency dependency : from.getDirectDependenciesFromSelf()) {
          String to = dependency.getTargetClass().getPackageName();
          if (to.startsWith(BASE + ".backend.cpu") || to.startsWith(BASE + ".backend.cuda")) {
            wrong.add(from.getName() + " may not use " + dependency.getTargetClass().getName());
          }
        }
      }
    }
    assertEquals(Set.of(), wrong);
  }

  /** The library logs through System.Logger, and leaves the streams to the program. */
  @Test
  void onlyTheCommandLinePrints() {
    noClasses()
        .that()
        .resideOutsideOfPackages(BASE + ".cli..", BASE + ".benchmarks..", BASE + ".bundle..")
        .and()
        .haveNameNotMatching(".*\\$shared") // jextract's traces, which a property asks for
        .should(GeneralCodingRules.ACCESS_STANDARD_STREAMS)
        .check(classes);
  }

  @Test
  void packagesHaveNoCycles() {
    slices().matching(BASE + ".(*)..").should().beFreeOfCycles().check(classes);
  }

  @Test
  void modelCodeTouchesNoElementAndNamesNoBackend() throws IOException {
    Pattern forbidden =
        Pattern.compile("MemorySegment|cudnn|cuda|onednn", Pattern.CASE_INSENSITIVE);
    Set<String> exempt = Set.of("StateDict.java", "Safetensors.java", "FloatValues.java");
    List<String> wrong = new ArrayList<>();
    for (String room : List.of("detection", "nn")) {
      Path folder = Path.of("../engine/src/main/java/dev/cocoli", room);
      try (Stream<Path> files = Files.walk(folder)) {
        for (Path file : files.filter(path -> path.toString().endsWith(".java")).toList()) {
          if (file.getParent().endsWith("nn/weights")) {
            continue; // which is about bytes
          }
          List<String> lines = Files.readAllLines(file);
          for (int i = 0; i < lines.size(); i++) {
            if (forbidden.matcher(lines.get(i)).find()
                && !exempt.contains(file.getFileName().toString())) {
              wrong.add(file.getFileName() + ":" + (i + 1) + ": " + lines.get(i).strip());
            }
          }
        }
      }
    }
    assertEquals(List.of(), wrong);
  }

  /** So that an application allows native access to the module of the bindings alone. */
  @Test
  void onlyTheBindingsCallWhatJavaRestricts() throws IOException {
    Pattern restricted =
        Pattern.compile(
            "\\.reinterpret\\(|downcallHandle|upcallStub|libraryLookup|withTargetLayout"
                + "|System\\.load");
    List<String> wrong = new ArrayList<>();
    for (String module : List.of("engine", "report", "cli")) {
      try (Stream<Path> files = Files.walk(Path.of("..", module, "src/main/java"))) {
        for (Path file : files.filter(path -> path.toString().endsWith(".java")).toList()) {
          if (restricted.matcher(Files.readString(file)).find()) {
            wrong.add(file.toString());
          }
        }
      }
    }
    assertEquals(List.of(), wrong);
  }

  /**
   * The package by which a class is judged, without the base; a sub-package only for the two
   * backends.
   */
  private static String room(JavaClass type) {
    String name = type.getPackageName();
    String below = name.equals(BASE) ? "" : name.substring(BASE.length() + 1);
    Matcher backend = Pattern.compile("backend\\.(cpu|cuda)\\b").matcher(below);
    String room = backend.lookingAt() ? backend.group() : below.split("\\.")[0];
    assertTrue(
        room.equals("bindings") || MAY_IMPORT.containsKey(room),
        () -> "the package " + name + " has no place among those that ArchitectureTest knows");
    return room;
  }

  private static boolean isOurs(JavaClass type) {
    return type.getPackageName().equals(BASE) || type.getPackageName().startsWith(BASE + ".");
  }
}
