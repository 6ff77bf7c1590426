package dev.cocoli.cli.terminal;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.util.Locale;

/**
 * The standard output of a command. Remembers the first error, which a {@link PrintWriter} keeps to
 * itself, so that output on a full disk is not lost without a word.
 */
public final class StandardOutput extends OutputStream {
  private final OutputStream out;
  private volatile IOException failure;

  public StandardOutput(OutputStream out) {
    this.out = out;
  }

  @Override
  public void write(int one) throws IOException {
    write(new byte[] {(byte) one}, 0, 1);
  }

  @Override
  public void write(byte[] bytes, int from, int count) throws IOException {
    try {
      out.write(bytes, from, count);
    } catch (IOException e) {
      failure = failure == null ? e : failure;
      throw e;
    }
  }

  /**
   * Prints the error, if there is one other than that the reader of a pipe, such as {@code head},
   * has read enough.
   *
   * @param code the exit code of the command that wrote
   * @param err where the error is printed
   * @return the exit code of the process
   */
  public int codeAfter(int code, PrintWriter err) {
    if (failure == null
        || String.valueOf(failure.getMessage()).toLowerCase(Locale.ROOT).contains("broken pipe")) {
      return code;
    }
    err.println("cocoli: cannot write to standard output: " + ErrorMessages.of(failure));
    return code == 0 ? 1 : code;
  }
}
