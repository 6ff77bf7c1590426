package dev.cocoli.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Shape;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Writes and reads safetensors files, and checks that wrong headers are rejected before they are
 * used.
 */
class SafetensorsTest {
  @TempDir Path folder;

  @Test
  void whatIsWrittenComesBack() throws IOException {
    Path file = folder.resolve("a.safetensors");
    float[] values = {1, 2.5f, -3};
    Safetensors.write(
        file,
        Map.of("key", "a \"value\" with é"),
        Map.of(
            "x", new Safetensors.Entry(DType.F32, Shape.of(1, 3), MemorySegment.ofArray(values))));
    assertEquals(
        0, ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN).getLong() % 8);
    try (Safetensors read = Safetensors.open(file)) {
      assertEquals(Map.of("key", "a \"value\" with é"), read.metadata());
      Safetensors.Entry entry = read.entries().get("x");
      assertEquals(Shape.of(1, 3), entry.shape());
      assertArrayEquals(values, entry.data().toArray(ValueLayout.JAVA_FLOAT_UNALIGNED));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{'x':{'dtype':'F32','shape':[4],'data_offsets':[0,8]}} | does not fit",
        "{'x':{'dtype':'F32','shape':[3],'data_offsets':[0,12]}} | does not fit",
        "{'x':{'dtype':'F32','shape':[2],'data_offsets':[-4,4]}} | does not fit",
        "{'x':{'dtype':'F32','shape':[2],'data_offsets':[9223372036854775800,9223372036854775807]}}"
            + " | does not fit",
        "{'x':{'dtype':'F32','shape':[4611686018427387904,4],'data_offsets':[0,8]}} | no possible"
            + " shape",
        "{'x':{'dtype':'F32','shape':[-2],'data_offsets':[0,8]}} | no possible shape",
        "{'x':{'dtype':'F99','shape':[2],'data_offsets':[0,8]}} | has the type F99",
        "{'x':{'shape':[2],'data_offsets':[0,8]}} | lacks dtype",
        "{'x':{'dtype':'F32','shape':'2','data_offsets':[0,8]}} | malformed",
        "{'x':7} | is no object",
        "[1,2] | no JSON object",
        "{'x':{'dtype':'F32' | no valid JSON",
        "{'x':{},'x':{}} | lacks dtype",
        "{'x':{'dtype':'F32','shape':[2],'data_offsets':[0,8]},"
            + "'y':{'dtype':'F32','shape':[1],'data_offsets':[4,8]}} | begins at byte 4, where 8",
        "{'x':{'dtype':'F32','shape':[1],'data_offsets':[4,8]}} | begins at byte 4, where 0",
        "{'x':{'dtype':'F32','shape':[1],'data_offsets':[0,4]}} | 4 bytes after its last array",
        "{} | 8 bytes after its last array",
        "{'x':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}} trailing | no valid JSON",
        "{'x':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}} {} | after its closing brace",
        "{'x':{'dtype':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}}} | is malformed",
        "{'x':{'dtype':['F32'],'shape':[2],'data_offsets':[0,8]}} | is malformed",
        "\uFEFF{'x':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}} | does not begin with {",
        "`  {'x':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}}` | does not begin with {",
      })
  void aLyingHeaderIsOneClearError(String header, String words) throws IOException {
    Path file = folder.resolve("bad.safetensors");
    byte[] text = header.replace('\'', '"').getBytes(StandardCharsets.UTF_8);
    Files.write(
        file,
        ByteBuffer.allocate(8 + text.length + 8)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(text.length)
            .put(text)
            .array());
    assertMessage(file, words);
  }

  @ParameterizedTest
  @CsvSource({"-1", "9223372036854775807", "100000001", "17", "0"})
  void aLyingHeaderLengthIsOneClearError(long length) throws IOException {
    Path file = folder.resolve("bad.safetensors");
    Files.write(
        file, ByteBuffer.allocate(24).order(ByteOrder.LITTLE_ENDIAN).putLong(length).array());
    assertMessage(file, "header claims");
  }

  @Test
  void shortAndMissingFilesAreNamed() throws IOException {
    Path file = folder.resolve("short.safetensors");
    Files.write(file, new byte[3]);
    assertMessage(file, "only 3 bytes");
    assertMessage(folder.resolve("missing.safetensors"), "no such file");
  }

  private static void assertMessage(Path file, String words) {
    IOException e = assertThrows(IOException.class, () -> Safetensors.open(file));
    assertTrue(e.getMessage().contains(words), e.getMessage());
    assertTrue(e.getMessage().contains(file.getFileName().toString()), e.getMessage());
  }
}
