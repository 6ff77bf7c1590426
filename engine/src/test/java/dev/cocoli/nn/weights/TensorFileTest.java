package dev.cocoli.nn.weights;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.nn.KeyNames;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.nn.Safetensors;
import dev.cocoli.nn.StateDict;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Shape;
import dev.cocoli.testing.Fixtures;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Files of torch.save in every form give the same tensors as safetensors, and what is no weights
 * file is called what it is.
 */
class TensorFileTest {
  private static final Path FILES = Fixtures.folder("weights/files");

  @TempDir Path folder;

  static List<Path> readable() throws IOException {
    try (Stream<Path> found = Files.list(FILES)) {
      return found.filter(f -> f.getFileName().toString().startsWith("read_")).sorted().toList();
    }
  }

  /** The same arrays by an independent writer. */
  private static Path expected(Path file) {
    String form = file.getFileName().toString().replaceAll("read_|\\..*", "");
    String type = List.of("f16", "bf16", "f64").contains(form) ? form : "f32";
    return FILES.resolve(type.toUpperCase(java.util.Locale.ROOT) + ".safetensors");
  }

  @ParameterizedTest
  @MethodSource("readable")
  void everyFormHasTheSameTensors(Path path) throws IOException {
    SmallModule module = new SmallModule();
    try (Backend backend = Backends.open(Device.CPU);
        ParameterArena parameters = ParameterArena.forInference(backend, module);
        TensorFile file = TensorFile.open(path);
        Safetensors expected = Safetensors.open(expected(path));
        Arena arena = Arena.ofConfined()) {
      file.requireIntact();
      Map<String, Safetensors.Entry> found = KeyNames.of(module, file.entries());
      assertEquals(expected.entries().keySet(), found.keySet());
      expected.entries().forEach((name, entry) -> assertSame(name, entry, found.get(name)));
      parameters.initialize(1);
      StateDict.load(module, backend, file.entries());
      Map<String, Safetensors.Entry> loaded = StateDict.save(module, backend, arena);
      StateDict.load(module, backend, expected.entries());
      StateDict.save(module, backend, arena)
          .forEach((name, entry) -> assertSame(name, entry, loaded.get(name)));
      assertTrue(module.namedCounters().values().stream().allMatch(c -> c.value() == 5));
      file.requireWhole();
    }
  }

  private static void assertSame(String name, Safetensors.Entry one, Safetensors.Entry other) {
    assertEquals(one.dtype(), other.dtype(), name);
    assertEquals(one.shape(), other.shape(), name);
    assertArrayEquals(bytes(one), bytes(other), name);
  }

  private static byte[] bytes(Safetensors.Entry entry) {
    return entry.data().toArray(ValueLayout.JAVA_BYTE);
  }

  /** The first byte of a safetensors file is that of a length, which may be another format's. */
  @Test
  void safetensorsOpensWhateverTheLengthOfItsHeaderIs() throws IOException {
    String header = "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";
    Path path = folder.resolve("header.safetensors");
    for (int length = 256; length < 512; length += Long.BYTES) { // writers pad it to such
      ByteBuffer bytes = ByteBuffer.allocate(Long.BYTES + length + Float.BYTES);
      bytes.order(ByteOrder.LITTLE_ENDIAN).putLong(length);
      bytes.put((header + " ".repeat(length - header.length())).getBytes(StandardCharsets.UTF_8));
      Files.write(path, bytes.putFloat(1).array());
      try (TensorFile file = TensorFile.open(path)) {
        assertEquals(List.of("a"), List.copyOf(file.entries().keySet()), "" + length);
      }
    }
  }

  @Test
  void halfAndDoubleFloatsBecomeTheSameNumbers() throws IOException {
    for (String type : List.of("F16", "BF16", "F64")) {
      SmallModule module = new SmallModule();
      try (Backend backend = Backends.open(Device.CPU);
          ParameterArena _ = ParameterArena.forInference(backend, module);
          TensorFile file = TensorFile.open(FILES.resolve(type + ".safetensors"));
          Arena arena = Arena.ofConfined()) {
        StateDict.load(module, backend, file.entries());
        Safetensors.Entry loaded = StateDict.save(module, backend, arena).get("norm.weight");
        Safetensors.Entry stored = file.entries().get("norm.weight");
        for (int i = 0; i < 2; i++) {
          float wanted =
              switch (type) {
                case "F16" ->
                    Float.float16ToFloat(
                        stored.data().get(ValueLayout.JAVA_SHORT_UNALIGNED, 2 * i));
                case "BF16" ->
                    Float.intBitsToFloat(
                        stored.data().get(ValueLayout.JAVA_SHORT_UNALIGNED, 2 * i) << 16);
                default -> (float) stored.data().get(ValueLayout.JAVA_DOUBLE_UNALIGNED, 8 * i);
              };
          assertEquals(wanted, loaded.data().getAtIndex(ValueLayout.JAVA_FLOAT, i), type);
        }
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"odd.zip.pth", "odd.stream.pth", "odd_young.zip.pth"})
  void tensorsThatNoModelHasAreReadToo(String name) throws IOException {
    try (TensorFile file = TensorFile.open(FILES.resolve(name))) {
      Map<String, Safetensors.Entry> entries = file.entries();
      assertEquals(Shape.of(0, 3), entries.get("empty").shape());
      assertEquals(0, entries.get("empty").data().byteSize());
      assertEquals(Shape.of(), entries.get("scalar").shape());
      assertEquals(2.5f, entries.get("scalar").data().get(ValueLayout.JAVA_FLOAT_UNALIGNED, 0));
      assertArrayEquals(new byte[] {1, 0}, bytes(entries.get("bool")));
      assertEquals(DType.I32, entries.get("i32").dtype());
      assertEquals(DType.I16, entries.get("i16").dtype());
      assertArrayEquals(new byte[] {-1, 0, 1}, bytes(entries.get("i8")));
      assertEquals(DType.U8, entries.get("u8").dtype());
      assertArrayEquals(
          new float[] {1.5f, 1.5f, 1.5f, 1.5f, 1.5f, 1.5f},
          entries.get("expanded").data().toArray(ValueLayout.JAVA_FLOAT_UNALIGNED));
      assertArrayEquals(
          new float[] {1, 4, 7},
          entries.get("step").data().toArray(ValueLayout.JAVA_FLOAT_UNALIGNED));
      if (name.contains("young")) {
        assertEquals(DType.U16, entries.get("u16").dtype());
        assertArrayEquals(new byte[] {1, 0, -1, -1}, bytes(entries.get("u16")));
        assertEquals(DType.F8_E4M3, entries.get("f8").dtype());
      }
    }
  }

  /** What a file holds decides, not what it is called. */
  @ParameterizedTest
  @CsvSource({
    "read_plain.zip.pth, a.safetensors",
    "read_plain.stream.pth, a.bin",
    "F32.safetensors, a.pth",
  })
  void theNameDoesNotMatter(String name, String other) throws IOException {
    Path renamed = Files.copy(FILES.resolve(name), folder.resolve(other));
    try (TensorFile file = TensorFile.open(renamed)) {
      assertEquals(19, file.entries().size());
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "refused_call.zip.pth | names 'posix.system'",
        "refused_call.stream.pth | names 'posix.system'",
        "refused_model.zip.pth | names 'torch.nn.modules.module.Module'",
        "refused_sparse.zip.pth | its 'a' is torch._utils._rebuild_sparse_tensor",
        "refused_complex.zip.pth | its 'a' is a tensor of ComplexFloatStorage",
        "refused_place.zip.pth | its keys are ['net', 'epoch']",
        "refused_place.stream.pth | no state dict, neither by itself nor under model_ema, teacher",
        "refused_list.zip.pth | it is a PyTorch file of torch.save, but has no state dict",
        "refused_list.stream.pth | it is a PyTorch file of torch.save, but has no state dict",
        "refused_script.zip.pth | it is a TorchScript archive",
        "refused_export.pt2 | it is a program of torch.export",
        "refused_arrays.npz | it is an archive of NumPy arrays",
        "refused_array.npy | is a NumPy array",
        "refused_model.onnx | is an ONNX model",
      })
  void whatIsRefusedIsCalledWhatItIs(String name, String words) {
    assertRefused(FILES.resolve(name), words);
    assertFalse(Files.exists(Path.of("pwned")));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "version https://git-lfs.github.com/spec/v1\\n"
            + "oid sha256:00\\n"
            + "size 9 | is a Git LFS pointer",
        "\\n <!DOCTYPE html><html><head></head></html> | is an HTML page",
        "<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error> | is an XML document",
        "{\"metadata\":{\"total_size\":9}} | is JSON text",
        "Entry not found | is text, no weights",
      })
  void textIsCalledWhatItIs(String text, String words) throws IOException {
    String lines = text.replace("\\n", "\n");
    assertRefused(write("text.pth", lines.getBytes(StandardCharsets.UTF_8)), words);
    assertRefused(write("text.safetensors", lines.getBytes(StandardCharsets.UTF_8)), words);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "'' | is empty",
        "00000000000000000000000000 | is nothing but zeros",
        "1f8b0800 | is compressed",
        "80049503 | is a pickle that torch.save did not write",
        "894844460d0a1a0a | is an HDF5 file",
        "4747554603000000 | is a GGUF file",
        "89504e470d0a1a0a | is an image",
        "0102030405060708090a0b0c | is no weights file",
        "504b0304140000000000 | it is cut off",
        "504b0506000000000000000000000000000000000000 | it has no data.pkl",
      })
  void bytesAreCalledWhatTheyAre(String hex, String words) throws IOException {
    assertRefused(write("a.pth", HexFormat.of().parseHex(hex)), words);
  }

  @Test
  void missingFilesAndFoldersAreTold() throws IOException {
    assertRefused(folder.resolve("missing.pth"), "no such file");
    assertRefused(Files.createDirectory(folder.resolve("folder.pth")), "it is a folder");
    Path device = Path.of("/dev/null");
    if (Files.exists(device)) {
      assertRefused(device, "it is no regular file");
    }
    byte[] tar = new byte[1024];
    System.arraycopy("ustar".getBytes(StandardCharsets.US_ASCII), 0, tar, 257, 5);
    tar[0] = 'x';
    assertRefused(write("a.tar", tar), "is a tar archive, no weights");
    System.arraycopy("storages".getBytes(StandardCharsets.US_ASCII), 0, tar, 0, 8);
    assertRefused(write("b.tar", tar), "as torch.save wrote until 2016");
  }

  @ParameterizedTest
  @Tag("slow")
  @CsvSource({"read_plain.zip.pth", "read_plain.stream.pth", "F32.safetensors"})
  void aFileThatWasCutOffIsRefused(String name) throws IOException {
    byte[] whole = Files.readAllBytes(FILES.resolve(name));
    for (int size = 1; size < whole.length; size += 97) {
      Path cut = write("cut.pth", Arrays.copyOf(whole, size));
      IOException e = assertThrows(IOException.class, () -> TensorFile.open(cut).close());
      assertTrue(e.getMessage().startsWith(cut + " is "), e.getMessage());
    }
  }

  @Test
  void damagedBytesDifferFromTheirSum() throws IOException {
    byte[] bytes = Files.readAllBytes(FILES.resolve("read_plain.zip.pth"));
    int at = new String(bytes, StandardCharsets.ISO_8859_1).indexOf("/data/0");
    bytes[(at + 11 + 63) / 64 * 64] ^= 1; // where the record begins: at a multiple of 64
    Path damaged = write("damaged.pth", bytes);
    try (TensorFile file = TensorFile.open(damaged)) {
      IOException e = assertThrows(IOException.class, file::requireIntact);
      assertTrue(e.getMessage().contains("/data/0' differ from their checksum"), e.getMessage());
    }
  }

  /** Each would take more memory than there is, or more time, if it were believed. */
  @Test
  @Tag("slow")
  void pickleBombsAreRefused() throws IOException {
    assertBomb("]".repeat(3_000_000), "more than 2097152 values");
    assertBomb("N" + "q\0".repeat(10) + "h\0".repeat(3_000_000), "more than 2097152 values");
    assertBomb("(".repeat(3_000_000), "marks");
    assertBomb("X\u00ff\u00ff\u00ff\u007f", "ends early");
    assertBomb("](KaK\u0001K\u0002e.", "no state dict"); // small and sane
    String twoPairs = "](K\u0001K\u0002\u0086K\u0003K\u0004\u0086eq\0";
    String dictionary = "ccollections\nOrderedDict\nh\0\u0085R";
    assertBomb(twoPairs + dictionary.repeat(600_000), "more than 2097152 values");
    assertBomb("]q\0" + "h\0a".repeat(1000) + ".", "no state dict"); // contains itself
    assertBomb("]" + "\u0085".repeat(100_000) + ".", "no state dict"); // is deep
    assertBomb("}](" + "]".repeat(9) + "t\u0085", "is damaged");
  }

  private void assertBomb(String opcodes, String words) throws IOException {
    ByteArrayOutputStream stream = new ByteArrayOutputStream();
    stream.write(HexFormat.of().parseHex("80028a0a6cfc9c46f9206aa850192e80024de9032e80027d2e"));
    stream.write(opcodes.getBytes(StandardCharsets.ISO_8859_1));
    stream.write("].".getBytes(StandardCharsets.ISO_8859_1));
    assertRefused(write("bomb.pth", stream.toByteArray()), words);
  }

  @Test
  void namesAreFoundInMapsOfEachForm() {
    SmallModule module = new SmallModule();
    Map<String, Integer> both = new LinkedHashMap<>();
    both.put("head.conv.weight", 1);
    both.put("head.conv.0.0.weight", 2);
    assertEquals(both, KeyNames.of(module, both), "neither takes the place of the other");
    Map<String, Integer> none = Map.of("model.0.conv.weight", 1);
    assertEquals(none, KeyNames.of(module, none), "of another model: the message has its own keys");
  }

  private Path write(String name, byte[] bytes) throws IOException {
    return Files.write(folder.resolve(name), bytes);
  }

  private static void assertRefused(Path file, String words) {
    IOException e = assertThrows(IOException.class, () -> TensorFile.open(file).close());
    assertTrue(e.getMessage().startsWith(file.toString()), e.getMessage());
    assertTrue(e.getMessage().contains(words), e.getMessage());
    assertEquals(1, e.getMessage().lines().count(), e.getMessage());
  }
}
