package dev.cocoli.bundle.prove;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;

/**
 * How our own processes are started: with this Java, these jars, this process's properties of
 * Cocoli and the options of COCOLI_JAVA_OPTS.
 *
 * @param tool the program that runs Java, with its options; empty for Java itself
 * @param properties more properties, as {@code name=value}
 * @param environment variables added to ours
 */
record Launch(List<String> tool, List<String> properties, Map<String, String> environment) {
  static final Launch PLAIN = new Launch(List.of(), List.of(), Map.of());

  Launch by(List<String> program) {
    return new Launch(program, properties, environment);
  }

  Launch with(String property) {
    List<String> more = new ArrayList<>(properties);
    more.add(property);
    return new Launch(tool, more, environment);
  }

  Launch in(Map<String, String> variables) {
    return new Launch(tool, properties, variables);
  }

  /**
   * {@return the command line that runs a class}
   *
   * @param main the class's name
   * @param arguments its arguments
   */
  List<String> command(String main, List<String> arguments) {
    List<String> command = new ArrayList<>(tool);
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of(
            "--enable-native-access=ALL-UNNAMED", "-XX:+UseSerialGC", "-Djava.awt.headless=true"));
    String options = Optional.ofNullable(System.getenv("COCOLI_JAVA_OPTS")).orElse("").strip();
    if (!options.isEmpty()) {
      command.addAll(List.of(options.split("\\s+")));
    }
    for (String name : new TreeSet<>(System.getProperties().stringPropertyNames())) {
      if (name.startsWith("cocoli.")) {
        command.add("-D" + name + "=" + System.getProperty(name));
      }
    }
    properties.forEach(property -> command.add("-D" + property));
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), main));
    command.addAll(arguments);
    return command;
  }
}
