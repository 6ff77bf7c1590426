package dev.cocoli.bundle;

import dev.cocoli.bundle.prove.ProveCommand;
import dev.cocoli.bundle.selftest.SelftestCommand;
import java.util.List;

/** Runs the command line with the additional commands that need the tests or the JDK. */
public final class Main {
  private Main() {}

  /**
   * Runs a command and ends the process.
   *
   * @param args the command and its options
   */
  public static void main(String[] args) {
    System.exit(dev.cocoli.cli.Main.run(commands(), args));
  }

  static List<Object> commands() {
    return List.of(new SelftestCommand(), new ProveCommand(), new BundleCommand());
  }
}
