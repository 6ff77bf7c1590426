package dev.cocoli.fuzz;

import java.io.ByteArrayOutputStream;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** Changes a file in one place; what a change is depends on the format. */
@FunctionalInterface
public interface Mutation {
  /** Numbers at which sizes and counts go wrong. */
  long[] BOUNDARIES = {
    0,
    1,
    -1,
    2,
    127,
    128,
    255,
    256,
    32767,
    32768,
    65535,
    65536,
    1 << 24,
    Integer.MAX_VALUE,
    Integer.MIN_VALUE,
    0xFFFFFFFFL,
    1L << 32,
    Long.MAX_VALUE,
    Long.MIN_VALUE
  };

  /** Texts that take the place of a number. */
  List<String> NUMBERS =
      List.of(
          "-1",
          "0",
          "-0.0",
          "1e999",
          "-1e999",
          "1e-400",
          "NaN",
          "Infinity",
          "0x10",
          "1.5",
          "2.0",
          "2147483647",
          "2147483648",
          "-2147483648",
          "4294967296",
          "16777217",
          "9007199254740993",
          "9223372036854775807",
          "9223372036854775808",
          "-9223372036854775809",
          "01",
          "1e3",
          "",
          "9".repeat(400),
          "0." + "0".repeat(400) + "1",
          "null",
          "true",
          "\"7\"",
          "[1]",
          "{}");

  /** Texts that parsers stumble over. */
  List<String> WORDS =
      List.of(
          "\"",
          "'",
          "\\",
          "{",
          "}",
          "[",
          "]",
          "<",
          ">",
          "</",
          "/>",
          "&",
          "&lt;",
          "&#0;",
          "&x;",
          "<!DOCTYPE a [<!ENTITY x \"y\">]>",
          "<!--",
          "-->",
          "<![CDATA[",
          "]]>",
          "<?xml?>",
          ",",
          ":",
          "\\ud800",
          "\\u0000",
          "\u0000",
          "\uFEFF",
          "\uD83D\uDE00",
          "\u001B[31m",
          "\r\n",
          "\n",
          "\t",
          " ",
          "../../x",
          "/dev/zero",
          "x".repeat(3000),
          "[".repeat(3000),
          "{\"a\":".repeat(3000),
          "<a>".repeat(3000),
          "\u0308\u202E");

  Pattern NUMBER = Pattern.compile("-?\\d+(\\.\\d+)?([eE][-+]?\\d+)?");

  /** Any bytes. */
  Mutation BYTES = Mutation::changeBytes;

  /** A text: numbers, words, quotes and brackets. */
  Mutation TEXT = Mutation::changeText;

  /**
   * Returns a changed copy.
   *
   * @param file the file
   * @param other another file of the format, to take a part from
   * @param random where the choices come from
   */
  byte[] apply(byte[] file, byte[] other, Random random);

  private static byte[] changeBytes(byte[] file, byte[] other, Random random) {
    if (file.length == 0) {
      return other.clone();
    }
    int at = random.nextInt(file.length);
    int length = 1 + random.nextInt(1 + random.nextInt(Math.min(64, file.length)));
    byte[] changed = file.clone();
    switch (random.nextInt(8)) {
      case 0 -> changed[at] ^= (byte) (1 << random.nextInt(8));
      case 1 -> changed[at] = (byte) random.nextInt(256);
      case 2 -> putBoundary(changed, at, random);
      case 3 -> {
        return splice(file, at, Math.min(file.length, at + length), new byte[0]);
      }
      case 4 -> {
        byte[] part = Arrays.copyOfRange(file, at, Math.min(file.length, at + length));
        return splice(file, at, at, part);
      }
      case 5 -> {
        byte[] noise = new byte[length];
        random.nextBytes(noise);
        return splice(file, at, at, noise);
      }
      case 6 -> {
        return Arrays.copyOf(file, at);
      }
      default -> {
        int from = other.length == 0 ? 0 : random.nextInt(other.length);
        byte[] part = Arrays.copyOfRange(other, from, Math.min(other.length, from + 4 * length));
        return splice(file, at, Math.min(file.length, at + part.length), part);
      }
    }
    return changed;
  }

  private static void putBoundary(byte[] file, int at, Random random) {
    long value = BOUNDARIES[random.nextInt(BOUNDARIES.length)];
    ByteBuffer bytes =
        ByteBuffer.wrap(file)
            .order(random.nextBoolean() ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN);
    int size = 1 << random.nextInt(4);
    if (at + size > file.length) {
      file[at] = (byte) value;
      return;
    }
    switch (size) {
      case 1 -> file[at] = (byte) value;
      case 2 -> bytes.putShort(at, (short) value);
      case 4 -> bytes.putInt(at, (int) value);
      default -> bytes.putLong(at, value);
    }
  }

  private static byte[] changeText(byte[] file, byte[] other, Random random) {
    String text = new String(file, StandardCharsets.UTF_8);
    int at = random.nextInt(text.length() + 1);
    int end = Math.min(text.length(), at + random.nextInt(1 + random.nextInt(64)));
    return switch (random.nextInt(6)) {
              case 0, 1 -> changeNumber(text, random);
              case 2 -> text.substring(0, at) + text.substring(end);
              case 3 ->
                  text.substring(0, at)
                      + WORDS.get(random.nextInt(WORDS.size()))
                      + text.substring(end);
              case 4 ->
                  text.substring(0, at)
                      + text.substring(at, end).repeat(1 + random.nextInt(20))
                      + text.substring(at);
              default -> null;
            }
            instanceof String changed
        ? changed.getBytes(StandardCharsets.UTF_8)
        : changeBytes(file, other, random);
  }

  private static String changeNumber(String text, Random random) {
    List<MatchResult> found = NUMBER.matcher(text).results().toList();
    if (found.isEmpty()) {
      return text + NUMBERS.get(random.nextInt(NUMBERS.size()));
    }
    MatchResult number = found.get(random.nextInt(found.size()));
    String value =
        random.nextInt(4) == 0
            ? BigInteger.valueOf(BOUNDARIES[random.nextInt(BOUNDARIES.length)])
                .add(BigInteger.valueOf(random.nextInt(3) - 1))
                .toString()
            : NUMBERS.get(random.nextInt(NUMBERS.size()));
    return text.substring(0, number.start()) + value + text.substring(number.end());
  }

  /** Returns a copy whose bytes {@code [from, to)} are others. */
  static byte[] splice(byte[] file, int from, int to, byte[] part) {
    ByteArrayOutputStream out = new ByteArrayOutputStream(file.length + part.length);
    out.write(file, 0, from);
    out.writeBytes(part);
    out.write(file, to, file.length - to);
    return out.toByteArray();
  }
}
