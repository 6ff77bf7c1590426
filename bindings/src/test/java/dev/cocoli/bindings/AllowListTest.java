package dev.cocoli.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Compares each allow-list with the classes generated from it, because jextract does not report a
 * name that no header has. Needs no library.
 */
class AllowListTest {
  private static final Path LISTS = Path.of("..", "native", "jextract");

  static List<String> libraries() throws IOException {
    try (Stream<Path> files = Files.list(LISTS)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.endsWith(".txt"))
          .map(name -> name.substring(0, name.length() - ".txt".length()))
          .sorted()
          .toList();
    }
  }

  @ParameterizedTest
  @MethodSource("libraries")
  void everyNameIsBound(String library) throws Exception {
    Class<?> header = Class.forName(headerOf(library));
    Set<String> constants =
        Arrays.stream(header.getMethods())
            .filter(method -> method.getParameterCount() == 0)
            .map(Method::getName)
            .collect(Collectors.toSet());
    // a function that the header declares without a prototype has a class with invokers
    Set<String> functions =
        Stream.concat(
                Arrays.stream(header.getMethods())
                    .map(Method::getName)
                    .filter(name -> name.endsWith("$address"))
                    .map(name -> name.substring(0, name.length() - "$address".length())),
                Arrays.stream(header.getClasses()).map(Class::getSimpleName))
            .collect(Collectors.toSet());
    List<String> unbound = new ArrayList<>();
    int names = 0;
    for (String line : Files.readAllLines(LISTS.resolve(library + ".txt"))) {
      if (line.isBlank() || line.startsWith("#")) {
        continue;
      }
      names++;
      String[] words = line.split(" ");
      boolean isBound =
          words.length == 2
              && switch (words[0]) {
                case "--include-constant" -> constants.contains(words[1]);
                case "--include-function" -> functions.contains(words[1]);
                case "--include-struct", "--include-typedef" ->
                    hasClass(header.getPackageName() + "." + words[1]);
                default -> false;
              };
      if (!isBound) {
        unbound.add(line);
      }
    }
    assertFalse(names == 0, "the list is empty");
    assertEquals(List.of(), unbound, library + ".txt");
  }

  /** The class with a library's functions: its package has one more that begins with its name. */
  private static String headerOf(String library) throws IOException {
    Path folder = Path.of("src/generated/java/dev/cocoli/bindings", library);
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.endsWith("$shared.java"))
          .map(name -> "dev.cocoli.bindings." + library + "." + name.replace("$shared.java", ""))
          .findAny()
          .orElseThrow();
    }
  }

  private static boolean hasClass(String name) {
    try {
      Class.forName(name, false, AllowListTest.class.getClassLoader());
      return true;
    } catch (ClassNotFoundException e) {
      return false;
    }
  }
}
