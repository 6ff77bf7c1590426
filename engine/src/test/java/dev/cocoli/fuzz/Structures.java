package dev.cocoli.fuzz;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.zip.CRC32;
import java.util.zip.CRC32C;

/**
 * Changes that keep what a reader checks first, such as checksums and lengths, so that the change
 * reaches what comes after the check. One time in four the bytes are changed blindly.
 */
final class Structures {
  private static final int PNG_START = 8;
  private static final int PROPOSALS_TRAILER = 8 + 8 + 4 + 8;

  private Structures() {}

  private static boolean blindly(Random random) {
    return random.nextInt(4) == 0;
  }

  /** Changes, drops, repeats or moves a chunk of a PNG; its checksum is right again. */
  static byte[] png(byte[] file, byte[] other, Random random) {
    List<byte[]> chunks = new ArrayList<>(); // type and data
    int at = PNG_START;
    while (at + 12 <= file.length) {
      int length = ByteBuffer.wrap(file).getInt(at);
      if (length < 0 || length > file.length - at - 12) {
        break;
      }
      chunks.add(Arrays.copyOfRange(file, at + 4, at + 8 + length));
      at += 12 + length;
    }
    if (blindly(random) || chunks.isEmpty()) {
      return Mutation.BYTES.apply(file, other, random);
    }
    int chosen = random.nextInt(chunks.size());
    byte[] chunk = chunks.get(chosen);
    switch (random.nextInt(6)) {
      case 0 -> chunks.remove(chosen);
      case 1 -> chunks.add(random.nextInt(chunks.size()), chunk);
      case 2 -> chunks.set(chosen, Mutation.BYTES.apply(chunk, other, random));
      default -> {
        byte[] data = Arrays.copyOfRange(chunk, 4, chunk.length);
        data = Mutation.BYTES.apply(data, data, random);
        chunks.set(chosen, Mutation.splice(chunk, 4, chunk.length, data));
      }
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(file, 0, PNG_START);
    for (byte[] each : chunks) {
      CRC32 sum = new CRC32();
      sum.update(each);
      out.writeBytes(number(Math.max(0, each.length - 4)));
      out.writeBytes(each);
      out.writeBytes(number((int) sum.getValue()));
    }
    return out.toByteArray();
  }

  private static byte[] number(int value) {
    return ByteBuffer.allocate(4).putInt(value).array();
  }

  /** Changes, drops, repeats or moves a segment of a JPEG; its length is right again. */
  static byte[] jpeg(byte[] file, byte[] other, Random random) {
    List<byte[]> segments = new ArrayList<>(); // marker and data
    int at = 2;
    while (at + 4 <= file.length && file[at] == -1 && file[at + 1] != (byte) 0xDA) {
      int length = ByteBuffer.wrap(file).getShort(at + 2) & 0xFFFF;
      if (length < 2 || at + 2 + length > file.length) {
        break;
      }
      byte[] segment = Arrays.copyOfRange(file, at + 2, at + 2 + length);
      segment[0] = file[at];
      segment[1] = file[at + 1];
      segments.add(segment);
      at += 2 + length;
    }
    if (blindly(random) || segments.isEmpty()) {
      return Mutation.BYTES.apply(file, other, random);
    }
    byte[] rest = Arrays.copyOfRange(file, at, file.length);
    int chosen = random.nextInt(segments.size() + 1);
    if (chosen == segments.size()) {
      rest = Mutation.BYTES.apply(rest, other, random);
    } else {
      byte[] segment = segments.get(chosen);
      switch (random.nextInt(5)) {
        case 0 -> segments.remove(chosen);
        case 1 -> segments.add(random.nextInt(segments.size()), segment);
        case 2 -> segment[1] = (byte) (0xC0 + random.nextInt(0x40));
        default -> {
          byte[] data = Arrays.copyOfRange(segment, 2, segment.length);
          data = Mutation.BYTES.apply(data, data, random);
          segments.set(chosen, Mutation.splice(segment, 2, segment.length, data));
        }
      }
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(file, 0, Math.min(2, file.length));
    for (byte[] each : segments) {
      out.write(each, 0, 2);
      out.write(each.length >> 8);
      out.write(each.length);
      out.write(each, 2, each.length - 2);
    }
    out.writeBytes(rest);
    return out.toByteArray();
  }

  /** Changes the text of a safetensors header, whose length is right again. */
  static byte[] safetensors(byte[] file, byte[] other, Random random) {
    if (blindly(random) || file.length < 8) {
      return Mutation.BYTES.apply(file, other, random);
    }
    ByteBuffer bytes = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
    int end = Math.clamp(8 + Math.max(0, bytes.getLong(0)), 8, file.length);
    byte[] header = Arrays.copyOfRange(file, 8, end);
    byte[] changed = Mutation.TEXT.apply(header, header, random);
    byte[] result = Mutation.splice(file, 8, end, changed);
    ByteBuffer.wrap(result).order(ByteOrder.LITTLE_ENDIAN).putLong(0, changed.length);
    return result;
  }

  /** Changes the index or the regions of a proposals file; the index's checksum is right again. */
  static byte[] proposals(byte[] file, byte[] other, Random random) {
    int end = file.length - PROPOSALS_TRAILER;
    if (blindly(random) || end < 0) {
      return Mutation.BYTES.apply(file, other, random);
    }
    int start = Math.clamp(ByteBuffer.wrap(file).getLong(end), 0, end);
    boolean changesIndex = random.nextInt(3) > 0;
    int from = changesIndex ? start : 0;
    int to = changesIndex ? end : start;
    byte[] part = Arrays.copyOfRange(file, from, to);
    part = Mutation.BYTES.apply(part, part, random);
    byte[] result = Mutation.splice(file, from, to, part);
    int newStart = changesIndex ? start : part.length;
    int newEnd = result.length - PROPOSALS_TRAILER;
    CRC32C sum = new CRC32C();
    sum.update(result, newStart, newEnd - newStart);
    ByteBuffer.wrap(result)
        .position(newEnd)
        .putLong(newStart)
        .putLong(newEnd - newStart)
        .putInt((int) sum.getValue());
    return result;
  }
}
