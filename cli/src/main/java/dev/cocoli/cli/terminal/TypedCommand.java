package dev.cocoli.cli.terminal;

/** The name of the program as the user typed it, so that messages have commands to paste. */
public final class TypedCommand {
  /** What the launchers set. */
  private static final String PROPERTY = "cocoli.command";

  private static final String USUAL = "cocoli";

  /** Names that mean nothing else to a shell, or to the formats of the help. */
  private static final String PLAIN = "[-\\w./:,=@+ ]+";

  private TypedCommand() {}

  /** Returns the word that starts the program, such as {@code ./cocoli}. */
  public static String name() {
    String typed = System.getProperty(PROPERTY, USUAL);
    return typed.matches(PLAIN) ? quoted(typed) : USUAL;
  }

  /**
   * Returns a word as a shell takes it.
   *
   * @param word any text
   */
  public static String quoted(String word) {
    boolean plain = word.matches("[-\\w./:,=@%+]+");
    return plain ? word : "'" + word.replace("'", "'\\''") + "'";
  }
}
