package dev.cocoli.bundle;

import dev.cocoli.bundle.prove.ProveCommand;
import dev.cocoli.bundle.selftest.SelftestCommand;
import java.io.PrintWriter;
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
    PrintWriter out = new PrintWriter(System.out, true);
    PrintWriter err = new PrintWriter(System.err, true);
    System.exit(dev.cocoli.cli.Main.run(commands(), out, err, args));
  }

  static List<Object> commands() {
    return List.of(new SelftestCommand(), new ProveCommand(), new BundleCommand());
  }
}
