package dev.cocoli.data.image;

import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * Finds the orientation in metadata that are text: XMP (its property {@code tiff:Orientation}), and
 * the hexadecimal EXIF block that ImageMagick writes into PNG files ("Raw profile type exif").
 */
final class OrientationText {

  /** What an XMP segment of a JPEG begins with. */
  static final String XMP_OF_JPEG = "http://ns.adobe.com/xap/1.0/\0";

  private static final String XMP_OF_PNG = "XML:com.adobe.xmp";
  private static final Pattern XMP =
      Pattern.compile("tiff:Orientation\\s*(?:=\\s*[\"']|>\\s*)([1-8])");
  private static final Pattern RAW_PROFILE =
      Pattern.compile("\\s*(?:exif|app1)\\s+\\d+\\s+([0-9a-fA-F\\s]*)");

  /** The most text that is inflated. */
  private static final int MOST = 1 << 20;

  private OrientationText() {}

  /** Returns the orientation in an XMP text, or {@link Orientation#NONE}. */
  static int ofXmp(String text) {
    Matcher found = XMP.matcher(text);
    return found.find() ? Orientation.checked(found.group(1).charAt(0) - '0') : Orientation.NONE;
  }

  /**
   * Returns the orientation in a text chunk of a PNG, or {@link Orientation#NONE}.
   *
   * @param chunk the body of a tEXt, zTXt or iTXt chunk
   * @param mayBeDeflated whether it is none of the first kind
   */
  static int ofChunk(byte[] chunk, boolean mayBeDeflated) {
    String all = new String(chunk, StandardCharsets.ISO_8859_1);
    if (all.startsWith(XMP_OF_PNG + '\0') && chunk.length > XMP_OF_PNG.length() + 3) {
      int flag = XMP_OF_PNG.length() + 1;
      int language = all.indexOf('\0', flag + 2);
      int text = language < 0 ? -1 : all.indexOf('\0', language + 1) + 1;
      return text <= 0
          ? Orientation.NONE
          : ofXmp(chunk[flag] == 0 ? all.substring(text) : inflated(chunk, text));
    }
    int end = all.indexOf('\0');
    if (end < 0 || !all.startsWith("Raw profile type ")) {
      return Orientation.NONE;
    }
    String text = mayBeDeflated ? inflated(chunk, end + 2) : all.substring(end + 1);
    Matcher profile = RAW_PROFILE.matcher(text);
    if (!profile.matches()) {
      return Orientation.NONE;
    }
    String digits = profile.group(1).replaceAll("\\s+", "");
    byte[] exif = HexFormat.of().parseHex(digits, 0, digits.length() & ~1);
    return Orientation.ofTiff(exif, 6);
  }

  private static String inflated(byte[] bytes, int from) {
    if (from > bytes.length) {
      return "";
    }
    byte[] text = new byte[MOST];
    try (Inflater inflater = new Inflater()) {
      inflater.setInput(bytes, from, bytes.length - from);
      int size = inflater.inflate(text);
      return new String(text, 0, size, StandardCharsets.ISO_8859_1);
    } catch (DataFormatException e) {
      return "";
    }
  }
}
