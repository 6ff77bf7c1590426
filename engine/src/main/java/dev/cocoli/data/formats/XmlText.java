package dev.cocoli.data.formats;

import dev.cocoli.data.formats.VocAnnotation.Malformed;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.nio.charset.IllegalCharsetNameException;
import java.nio.charset.StandardCharsets;
import java.nio.charset.UnsupportedCharsetException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Decodes the text of an XML file as labelling tools write it. A parser takes less: names of
 * encodings that only some systems know, a declaration of UTF-16 over a text in UTF-8 (.NET writes
 * that), blank lines before the declaration, zeros after the end.
 */
final class XmlText {

  /** The largest file that is read; a thousand objects take a third of a megabyte. */
  private static final int MOST_BYTES = 64 << 20;

  private static final Pattern DECLARATION = Pattern.compile("\\A[\\s\\x00]*<\\?xml\\b([^>]*)\\?>");
  private static final Pattern ENCODING =
      Pattern.compile("\\bencoding\\s*=\\s*[\"']\\s*([^\"']*?)\\s*[\"']");

  private XmlText() {}

  /**
   * Returns the text of a file without its declaration, which has been obeyed.
   *
   * @throws Malformed if it is no text in the encoding that it declares, or UTF-8 without one
   */
  static String read(Path path) throws Malformed, IOException {
    byte[] bytes;
    try (InputStream in = Files.newInputStream(path)) { // the size of a device is 0
      bytes = in.readNBytes(MOST_BYTES + 1);
    }
    if (bytes.length > MOST_BYTES) {
      throw new Malformed(path + ": is too large for an annotation", null);
    }
    Charset wide = wide(bytes);
    String declared = wide == null ? declared(bytes) : "";
    Charset charset = wide != null ? wide : charset(path, declared);
    try {
      String text = charset.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
      text = text.startsWith("\uFEFF") ? text.substring(1) : text;
      int end = text.length();
      while (end > 0 && (text.charAt(end - 1) == 0 || text.charAt(end - 1) == 0x1A)) {
        end--; // padding, and the end of text files of DOS
      }
      return DECLARATION.matcher(text.substring(0, end)).replaceFirst("").stripLeading();
    } catch (CharacterCodingException e) {
      String why =
          declared.isEmpty()
              ? ": is no text in UTF-8, and declares no other encoding"
              : ": is no text in " + charset + ", the encoding that it declares";
      throw new Malformed(path + why, e);
    }
  }

  /** UTF-16, by its byte order mark or its zeros; null if it is something else. */
  private static Charset wide(byte[] bytes) {
    if (bytes.length < 2) {
      return null;
    }
    int start = (bytes[0] & 0xFF) << 8 | bytes[1] & 0xFF;
    return switch (start) {
      case 0xFEFF, '<', '\n', '\r', ' ' -> StandardCharsets.UTF_16BE;
      case 0xFFFE, '<' << 8, '\n' << 8, '\r' << 8, ' ' << 8 -> StandardCharsets.UTF_16LE;
      default -> null;
    };
  }

  private static String declared(byte[] bytes) {
    String start = new String(bytes, 0, Math.min(bytes.length, 1024), StandardCharsets.ISO_8859_1);
    Matcher declaration =
        DECLARATION.matcher(start.startsWith("\u00EF\u00BB\u00BF") ? start.substring(3) : start);
    if (!declaration.find()) {
      return "";
    }
    Matcher encoding = ENCODING.matcher(declaration.group(1));
    return encoding.find() ? encoding.group(1) : "";
  }

  private static Charset charset(Path path, String declared) throws Malformed {
    String name = declared.toUpperCase(Locale.ROOT).replace('_', '-');
    boolean narrow = name.startsWith("UTF-16") || name.startsWith("UCS") || name.equals("UNICODE");
    if (name.isEmpty() || narrow || name.equals("UTF8") || name.equals("UTF-8-SIG")) {
      return StandardCharsets.UTF_8;
    }
    if (name.equals("ANSI")) {
      return Charset.forName("windows-1252");
    }
    try {
      return Charset.forName(name.startsWith("CP") ? name.replace("-", "") : name);
    } catch (IllegalCharsetNameException | UnsupportedCharsetException e) {
      throw new Malformed(
          path + ": declares the encoding '" + declared + "', which is not known", e);
    }
  }
}
