package dev.cocoli.nn;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Shape;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import java.util.zip.CRC32C;

/**
 * A file of named arrays in the safetensors format: the header's length in 8 bytes, little-endian;
 * a JSON header; the arrays' bytes. The file is mapped into memory; every size in its header is
 * checked before it is used. A file belongs to the thread that opened it: no other may close it or
 * pass its arrays to a library, so that the memory cannot go while that reads it.
 */
public final class Safetensors implements AutoCloseable {
  /** The format's own limit. */
  private static final long MAX_HEADER_BYTES = 100_000_000;

  /**
   * The key, in the file's metadata, of the checksum of its arrays: CRC32C over the name and the
   * bytes of each, in the order of their names, in hexadecimal digits.
   */
  private static final String CHECKSUM = "cocoli.crc32c";

  /** The most bytes of an array that are written or summed up at once. */
  private static final long PIECE = 1L << 30;

  private static final int LENGTH_BYTES = 8;
  private static final int MAX_RANK = 16;
  private static final JsonFactory JSON =
      JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  /**
   * One array.
   *
   * @param dtype the element type
   * @param shape the extents
   * @param data its bytes, row-major, little-endian; for an array of a mapped file, until the file
   *     is closed
   */
  public record Entry(DType dtype, Shape shape, MemorySegment data) {}

  private final Arena arena;
  private final Map<String, Entry> entries = new LinkedHashMap<>();
  private final Map<String, String> metadata = new LinkedHashMap<>();
  private String checksum;

  private final Path path;
  private final MemorySegment mapped;
  private final Thread owner = Thread.currentThread();

  private Safetensors(Arena arena, Path path, MemorySegment mapped) {
    this.arena = arena;
    this.path = path;
    this.mapped = mapped;
  }

  /**
   * Maps a file into memory.
   *
   * @param file the file
   * @return its arrays
   * @throws IOException if it cannot be read or its header does not fit its bytes; the message
   *     names
   */
  public static Safetensors open(Path file) throws IOException {
    Arena arena = Arena.ofShared(); // which interrupts a thread that still reads, as it closes
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      MemorySegment all = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
      Safetensors result = new Safetensors(arena, file, all);
      result.readHeader(all);
      return result;
    } catch (IOException | RuntimeException | InternalError e) {
      arena.close();
      throw new IOException(file + " is not a usable safetensors file: " + reason(file, e), e);
    }
  }

  private static String reason(Path file, Throwable problem) {
    if (Files.isDirectory(file)) { // which opens, but cannot be mapped
      return "it is a folder";
    }
    return problem instanceof NoSuchFileException ? "no such file" : problem.getMessage();
  }

  private void readHeader(MemorySegment file) throws IOException {
    if (file.byteSize() < LENGTH_BYTES) {
      throw new IOException("it has only " + file.byteSize() + " bytes");
    }
    long length = file.get(ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), 0);
    if (length < 2 || length > MAX_HEADER_BYTES || length > file.byteSize() - LENGTH_BYTES) {
      throw new IOException(
          "its header claims %s bytes, the file has %s"
              .formatted(Long.toUnsignedString(length), file.byteSize()));
    }
    byte[] header = file.asSlice(LENGTH_BYTES, length).toArray(ValueLayout.JAVA_BYTE);
    MemorySegment body = file.asSlice(LENGTH_BYTES + length);
    boolean isUtf8 = header[0] == '{' && header[1] != 0; // else the parser detects UTF-16
    expect(isUtf8, "its header is no JSON object, it does not begin with {");
    try (JsonParser json = JSON.createParser(header)) {
      expect(json.nextToken() == JsonToken.START_OBJECT, "its header is no JSON object");
      while (json.nextToken() == JsonToken.FIELD_NAME) {
        String name = json.currentName();
        expect(json.nextToken() == JsonToken.START_OBJECT, "its entry '" + name + "' is no object");
        if (name.equals("__metadata__")) {
          readMetadata(json);
        } else {
          entries.put(name, readEntry(json, name, body));
        }
      }
      expect(json.currentToken() == JsonToken.END_OBJECT, "its header ends early");
      expect(json.nextToken() == null, "its header has more after its closing brace");
      requireSeamless(body);
    } catch (com.fasterxml.jackson.core.JacksonException e) {
      throw new IOException("its header is no valid JSON: " + e.getOriginalMessage(), e);
    }
  }

  /** Checks what the format demands: every byte belongs to exactly one array. */
  private void requireSeamless(MemorySegment body) throws IOException {
    List<Map.Entry<String, Entry>> byPlace = new ArrayList<>(entries.entrySet());
    byPlace.sort(
        Comparator.<Map.Entry<String, Entry>>comparingLong(e -> offset(body, e.getValue()))
            .thenComparingLong(e -> e.getValue().data().byteSize()));
    long end = 0;
    for (Map.Entry<String, Entry> named : byPlace) {
      long start = offset(body, named.getValue());
      expect(
          start == end,
          "its array '%s' begins at byte %d, where %d is the end of what is before it"
              .formatted(named.getKey(), start, end));
      end += named.getValue().data().byteSize();
    }
    expect(
        end == body.byteSize(),
        "it has %d bytes after its last array".formatted(body.byteSize() - end));
  }

  private static long offset(MemorySegment body, Entry entry) {
    return entry.data().address() - body.address();
  }

  private void readMetadata(JsonParser json) throws IOException {
    while (json.nextToken() == JsonToken.FIELD_NAME) {
      String key = json.currentName();
      expect(json.nextToken() == JsonToken.VALUE_STRING, "its metadata '" + key + "' is no string");
      metadata.put(key, json.getText());
    }
    expect(json.currentToken() == JsonToken.END_OBJECT, "its metadata are malformed");
    checksum = metadata.remove(CHECKSUM);
  }

  /**
   * Checks the arrays against the file's checksum. A file without one is taken as it is.
   *
   * @throws IOException if they differ; the message does not name the file
   */
  public void requireIntact() throws IOException {
    if (checksum != null) {
      String found = checksum(entries);
      expect(
          found.equals(checksum),
          "its arrays are damaged: their CRC32C is %s, and was %s".formatted(found, checksum));
    }
  }

  private static String checksum(Map<String, Entry> entries) {
    CRC32C sum = new CRC32C();
    new TreeMap<>(entries)
        .forEach(
            (name, entry) -> {
              sum.update(name.getBytes(StandardCharsets.UTF_8));
              pieces(entry.data()).forEach(sum::update);
            });
    return HexFormat.of().toHexDigits((int) sum.getValue());
  }

  private static Stream<ByteBuffer> pieces(MemorySegment data) {
    return LongStream.iterate(0, at -> at < data.byteSize(), at -> at + PIECE)
        .mapToObj(at -> bytes(data.asSlice(at, Math.min(data.byteSize() - at, PIECE))));
  }

  private static Entry readEntry(JsonParser json, String name, MemorySegment body)
      throws IOException {
    String type = null;
    long[] dims = null;
    long[] offsets = null;
    while (json.nextToken() == JsonToken.FIELD_NAME) {
      String field = json.currentName();
      json.nextToken();
      switch (field) {
        case "dtype" -> {
          expect(
              json.currentToken() == JsonToken.VALUE_STRING,
              "its entry '" + name + "' is malformed");
          type = json.getText();
        }
        case "shape" -> dims = readLongs(json, name);
        case "data_offsets" -> offsets = readLongs(json, name);
        default -> json.skipChildren();
      }
    }
    expect(json.currentToken() == JsonToken.END_OBJECT, "its entry '" + name + "' is malformed");
    expect(
        type != null && dims != null && offsets != null && offsets.length == 2,
        "its entry '" + name + "' lacks dtype, shape or data_offsets");
    DType dtype;
    try {
      dtype = DType.valueOf(type);
    } catch (IllegalArgumentException e) {
      throw new IOException(
          "its array '%s' has the type %s; known are %s"
              .formatted(name, type, Arrays.toString(DType.values())),
          e);
    }
    Shape shape;
    long byteSize;
    try {
      shape = Shape.of(dims);
      byteSize = Math.multiplyExact(shape.elementCount(), (long) dtype.byteSize());
    } catch (ArithmeticException | IllegalArgumentException e) {
      throw new IOException("its array '" + name + "' has no possible shape", e);
    }
    boolean inside = 0 <= offsets[0] && offsets[0] <= offsets[1] && offsets[1] <= body.byteSize();
    expect(
        inside && offsets[1] - offsets[0] == byteSize,
        "its array '%s' %s%s does not fit the bytes %s of %s"
            .formatted(name, dtype, shape, Arrays.toString(offsets), body.byteSize()));
    return new Entry(dtype, shape, body.asSlice(offsets[0], byteSize));
  }

  private static long[] readLongs(JsonParser json, String name) throws IOException {
    expect(json.currentToken() == JsonToken.START_ARRAY, "its entry '" + name + "' is malformed");
    long[] values = new long[MAX_RANK];
    int count = 0;
    while (json.nextToken() == JsonToken.VALUE_NUMBER_INT) {
      expect(count < MAX_RANK, "its entry '" + name + "' has too many numbers");
      values[count++] = json.getLongValue();
    }
    expect(json.currentToken() == JsonToken.END_ARRAY, "its entry '" + name + "' is malformed");
    return Arrays.copyOf(values, count);
  }

  private static void expect(boolean holds, String otherwise) throws IOException {
    if (!holds) {
      throw new IOException(otherwise);
    }
  }

  /** {@return the arrays under their names, in the file's order} */
  public Map<String, Entry> entries() {
    return entries;
  }

  /**
   * Checks that the file is as long as when it was opened. Pages after the new end of a file that
   * was cut cannot be read, and the rest of its last page is zero.
   *
   * @throws IOException if it is shorter
   */
  public void requireWhole() throws IOException {
    if (Files.size(path) < mapped.byteSize()) {
      throw new IOException("was cut while it was read");
    }
  }

  /** {@return the file's metadata, without the checksum} */
  public Map<String, String> metadata() {
    return metadata;
  }

  /**
   * Writes a file, with a checksum of the arrays in its metadata. The write is not atomic: to
   * replace a file, write another one beside it and move that into place.
   *
   * @param file the file, overwritten
   * @param metadata what goes into the header
   * @param entries the arrays
   * @throws IOException if it cannot be written
   */
  public static void write(Path file, Map<String, String> metadata, Map<String, Entry> entries)
      throws IOException {
    byte[] header = header(metadata, entries);
    try (FileChannel channel =
        FileChannel.open(
            file,
            StandardOpenOption.CREATE,
            StandardOpenOption.WRITE,
            StandardOpenOption.TRUNCATE_EXISTING)) {
      writeAll(channel, ByteBuffer.wrap(header));
      for (Entry entry : entries.values()) {
        for (ByteBuffer piece : (Iterable<ByteBuffer>) pieces(entry.data())::iterator) {
          writeAll(channel, piece);
        }
      }
      channel.force(true);
    }
  }

  /** The bytes of an array: a view of native memory, or a copy of a Java array. */
  private static ByteBuffer bytes(MemorySegment data) {
    return data.isNative()
        ? data.asByteBuffer()
        : ByteBuffer.wrap(data.toArray(ValueLayout.JAVA_BYTE));
  }

  private static void writeAll(FileChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  private static byte[] header(Map<String, String> metadata, Map<String, Entry> entries)
      throws IOException {
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    try (JsonGenerator json = JSON.createGenerator(text)) {
      json.writeStartObject();
      json.writeObjectFieldStart("__metadata__");
      for (Map.Entry<String, String> item : metadata.entrySet()) {
        json.writeStringField(item.getKey(), item.getValue());
      }
      json.writeStringField(CHECKSUM, checksum(entries));
      json.writeEndObject();
      long offset = 0;
      for (Map.Entry<String, Entry> named : entries.entrySet()) {
        Entry entry = named.getValue();
        json.writeObjectFieldStart(named.getKey());
        json.writeStringField("dtype", entry.dtype().name());
        json.writeFieldName("shape");
        json.writeArray(entry.shape().toArray(), 0, entry.shape().rank());
        json.writeFieldName("data_offsets");
        json.writeArray(new long[] {offset, offset + entry.data().byteSize()}, 0, 2);
        json.writeEndObject();
        offset += entry.data().byteSize();
      }
      json.writeEndObject();
    }
    int padding = -text.size() & 7;
    text.write("       ".getBytes(StandardCharsets.US_ASCII), 0, padding);
    ByteBuffer all = ByteBuffer.allocate(LENGTH_BYTES + text.size()).order(ByteOrder.LITTLE_ENDIAN);
    return all.putLong(text.size()).put(text.toByteArray()).array();
  }

  /**
   * Closes the file. A second close does nothing.
   *
   * @throws WrongThreadException on another thread than the one that opened it
   */
  @Override
  public void close() {
    if (Thread.currentThread() != owner) {
      throw new WrongThreadException(path + " is closed by the thread that opened it, no other");
    }
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
