package dev.cocoli.data.formats;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;

/** Reads text files with an entry per line, such as lists of images or classes. */
public final class TextLines {
  /** The largest file that is read: ten times the longest list of OpenImages. */
  private static final int MOST_BYTES = 1 << 28;

  private static final String BYTE_ORDER_MARK = "\uFEFF";

  private TextLines() {}

  /**
   * {@return the lines of a file, without empty ones and the white space around each}
   *
   * @param file a text in UTF-8
   * @throws IOException if it is missing, unreadable, no text or larger than 256 MB; the message
   *     names it
   */
  public static List<String> read(Path file) throws IOException {
    byte[] bytes;
    try (InputStream in = Files.newInputStream(file)) { // the size of a device is 0
      bytes = in.readNBytes(MOST_BYTES + 1);
    } catch (NoSuchFileException e) {
      throw new IOException(file + ": there is no such file", e);
    } catch (IOException e) {
      throw new IOException(file + ": cannot be read (" + e.getMessage() + ")", e);
    }
    if (bytes.length > MOST_BYTES) {
      throw new IOException(file + ": is too large for a list");
    }
    try {
      String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
      return text.replace(BYTE_ORDER_MARK, "")
          .lines()
          .map(String::strip)
          .filter(line -> !line.isEmpty())
          .toList();
    } catch (CharacterCodingException e) {
      throw new IOException(file + ": is no text in UTF-8", e);
    }
  }
}
