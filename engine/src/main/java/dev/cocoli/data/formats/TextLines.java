package dev.cocoli.data.formats;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
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
   * @param file a text in UTF-8, or in UTF-16 with a byte order mark
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
      String text = charset(bytes).newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
      return text.replace(BYTE_ORDER_MARK, "")
          .lines()
          .map(String::strip)
          .filter(line -> !line.isEmpty())
          .toList();
    } catch (CharacterCodingException e) {
      throw new IOException(file + ": is no text in UTF-8", e);
    }
  }

  /** UTF-8, or UTF-16 by its byte order mark, which editors on Windows write. */
  private static Charset charset(byte[] bytes) {
    int start = bytes.length < 2 ? 0 : (bytes[0] & 0xFF) << 8 | bytes[1] & 0xFF;
    return switch (start) {
      case 0xFEFF -> StandardCharsets.UTF_16BE;
      case 0xFFFE -> StandardCharsets.UTF_16LE;
      default -> StandardCharsets.UTF_8;
    };
  }
}
