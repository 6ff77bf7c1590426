package dev.cocoli.testing;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.stream.StreamSupport;
import java.util.zip.GZIPInputStream;

/**
 * Tensors that a reference wrote in the safetensors format, read into arrays. It shares no code
 * with the reader under test.
 */
public final class OracleFile {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final JsonNode header;
  private final ByteBuffer data;

  private OracleFile(byte[] bytes) throws IOException {
    ByteBuffer file = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    int headerSize = Math.toIntExact(file.getLong());
    header = JSON.readTree(bytes, 8, headerSize);
    data = file.position(8 + headerSize).slice().order(ByteOrder.LITTLE_ENDIAN);
  }

  /** {@return the single operations of {@code ops.py}} */
  public static OracleFile ops() {
    return resource("/oracle/ops.safetensors");
  }

  /**
   * {@return a file among the test resources}
   *
   * @param path the path of the compressed file, from the root of the resources
   */
  public static OracleFile resource(String path) {
    try (InputStream packed = OracleFile.class.getResourceAsStream(path + ".gz")) {
      if (packed == null) {
        throw new IllegalArgumentException("no test resource " + path + ".gz");
      }
      return new OracleFile(new GZIPInputStream(packed).readAllBytes());
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read test resource " + path, e);
    }
  }

  /**
   * {@return the parameters of a case, from the metadata}
   *
   * @param name the case
   */
  public JsonNode parameters(String name) {
    try {
      return JSON.readTree(header.path("__metadata__").path(name).asText());
    } catch (IOException e) {
      throw new UncheckedIOException("the parameters of " + name + " are no JSON", e);
    }
  }

  /**
   * {@return whether there is such a tensor}
   *
   * @param name its name
   */
  public boolean has(String name) {
    return header.has(name);
  }

  /**
   * {@return the extents of a tensor, in torch's layout}
   *
   * @param name its name
   */
  public long[] shape(String name) {
    return StreamSupport.stream(entry(name).get("shape").spliterator(), false)
        .mapToLong(JsonNode::asLong)
        .toArray();
  }

  /**
   * {@return the elements of an F32 tensor}
   *
   * @param name its name
   */
  public float[] floats(String name) {
    ByteBuffer bytes = bytes(name, "F32");
    float[] values = new float[bytes.remaining() / 4];
    bytes.asFloatBuffer().get(values);
    return values;
  }

  /**
   * {@return the elements of an I64 tensor, each of which fits 32 bits}
   *
   * @param name its name
   */
  public int[] ints(String name) {
    ByteBuffer bytes = bytes(name, "I64");
    int[] values = new int[bytes.remaining() / 8];
    for (int i = 0; i < values.length; i++) {
      values[i] = Math.toIntExact(bytes.getLong());
    }
    return values;
  }

  /**
   * {@return the elements of a U8 tensor}
   *
   * @param name its name
   */
  public byte[] unsignedBytes(String name) {
    ByteBuffer bytes = bytes(name, "U8");
    byte[] values = new byte[bytes.remaining()];
    bytes.get(values);
    return values;
  }

  /**
   * {@return the elements of an F32 tensor of four extents, channels last}: NCHW becomes NHWC, and
   * OIHW becomes OHWI
   *
   * @param name its name
   */
  public float[] channelsLast(String name) {
    long[] shape = shape(name);
    int channels = (int) shape[1];
    int pixels = (int) (shape[2] * shape[3]);
    float[] from = floats(name);
    float[] to = new float[from.length];
    for (int i = 0; i < from.length; i++) {
      int image = i / (channels * pixels);
      int channel = i / pixels % channels;
      to[(image * pixels + i % pixels) * channels + channel] = from[i];
    }
    return to;
  }

  private JsonNode entry(String name) {
    JsonNode entry = header.get(name);
    if (entry == null) {
      throw new IllegalArgumentException("the reference holds no tensor " + name);
    }
    return entry;
  }

  private ByteBuffer bytes(String name, String dtype) {
    JsonNode entry = entry(name);
    if (!entry.get("dtype").asText().equals(dtype)) {
      throw new IllegalArgumentException(name + " is not " + dtype + " but " + entry.get("dtype"));
    }
    int from = entry.get("data_offsets").get(0).asInt();
    int to = entry.get("data_offsets").get(1).asInt();
    return data.slice(from, to - from).order(ByteOrder.LITTLE_ENDIAN);
  }
}
