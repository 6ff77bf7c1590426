package dev.cocoli.nn.weights;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Locale;

/** What a file is, by its first bytes. */
enum FileKind {
  SAFETENSORS("a safetensors file"),
  TORCH_ZIP("a file of torch.save"),
  TORCH_STREAM("a file of torch.save"),
  EMPTY("empty: nothing was written to it, or nothing was downloaded"),
  ZEROS("nothing but zeros, as a broken download or a full disk leaves it"),
  LFS_POINTER("a Git LFS pointer, which only names the weights: git lfs pull fetches them"),
  HTML("an HTML page, no weights: open it in a browser to see what the server said"),
  XML("an XML document, no weights: a server's error, or a model of another program"),
  JSON("JSON text, no weights"),
  TEXT("text, no weights"),
  TORCH_TAR(
      "a tar archive, as torch.save wrote until 2016: load it in Python, and save it again by"
          + " torch.save"),
  TAR("a tar archive, no weights: unpack it"),
  COMPRESSED("compressed, by gzip, bzip2, xz or zstd: unpack it"),
  PICKLE(
      "a pickle that torch.save did not write; load it in Python, and save the state dict by"
          + " torch.save"),
  ONNX("an ONNX model, which has no torchvision state dict: start from the weights it was made of"),
  HDF5("an HDF5 file, as Keras writes them; only PyTorch's weights can be read"),
  NUMPY("a NumPy array, no state dict"),
  GGUF("a GGUF file, no state dict of PyTorch's"),
  TFLITE("a TensorFlow Lite model; only PyTorch's weights can be read"),
  IMAGE("an image, no weights"),
  UNKNOWN("no weights file: it is neither safetensors nor what torch.save writes");

  /** The bytes that are looked at. */
  private static final int HEAD = 1024;

  private static final HexFormat HEX = HexFormat.of();

  /** The number that begins torch's stream, as a pickled int without its header. */
  private static final byte[] TORCH_MAGIC = HEX.parseHex("8a0a6cfc9c46f9206aa85019");

  private final String words;

  FileKind(String words) {
    this.words = words;
  }

  /** Returns what it is, in words that follow "FILE is ". */
  String words() {
    return words;
  }

  /** Recognises a file. */
  static FileKind of(MemorySegment file, Path path) throws IOException {
    long size = file.byteSize();
    if (size == 0) {
      return EMPTY;
    }
    byte[] head = file.asSlice(0, Math.min(size, HEAD)).toArray(ValueLayout.JAVA_BYTE);
    if (isSafetensors(head, size)) { // first: the length it begins with may look like the others
      return SAFETENSORS;
    }
    if (starts(head, "504b0304") || starts(head, "504b0506")) {
      return TORCH_ZIP; // its records say whether it is
    }
    if (head[0] == (byte) 0x80) {
      return indexOf(head, TORCH_MAGIC) >= 0 ? TORCH_STREAM : PICKLE;
    }
    if (allZero(head)) {
      return ZEROS;
    }
    FileKind binary = binary(head);
    if (binary != UNKNOWN) {
      return binary;
    }
    FileKind text = text(head);
    boolean claimsToBe = path.toString().toLowerCase(Locale.ROOT).endsWith(".safetensors");
    return text == UNKNOWN && claimsToBe ? SAFETENSORS : text; // whose reader says what is wrong
  }

  private static boolean isSafetensors(byte[] head, long size) {
    if (head.length < Long.BYTES + 1 || head[Long.BYTES] != '{') {
      return false;
    }
    long header =
        MemorySegment.ofArray(head)
            .get(ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), 0);
    return header >= 2 && header <= size;
  }

  private static FileKind binary(byte[] head) {
    if (starts(head, "1f8b") || starts(head, "425a68") || starts(head, "fd377a585a00")) {
      return COMPRESSED;
    }
    if (starts(head, "28b52ffd")) {
      return COMPRESSED;
    }
    if (head.length > 262 && new String(head, 257, 5, StandardCharsets.US_ASCII).equals("ustar")) {
      String first = new String(head, 0, 100, StandardCharsets.ISO_8859_1);
      return first.matches("(?s)(sys_info|storages|tensors|pickle)\0.*") ? TORCH_TAR : TAR;
    }
    if (starts(head, "894844460d0a1a0a")) {
      return HDF5;
    }
    if (starts(head, "934e554d5059")) {
      return NUMPY;
    }
    if (starts(head, "47475546")) {
      return GGUF;
    }
    if (head.length > 8 && new String(head, 4, 4, StandardCharsets.US_ASCII).equals("TFL3")) {
      return TFLITE;
    }
    if (starts(head, "89504e47") || starts(head, "ffd8ff") || starts(head, "47494638")) {
      return IMAGE;
    }
    return isOnnx(head) ? ONNX : UNKNOWN;
  }

  /** An ONNX model is a protocol buffer whose first field is its version, a small number. */
  private static boolean isOnnx(byte[] head) {
    int oldest = 1;
    int newest = 32;
    return head.length > 3
        && head[0] == 0x08
        && head[1] >= oldest
        && head[1] <= newest
        && (head[2] == 0x12 || head[2] == 0x1a || head[2] == 0x3a || head[2] == 0x42);
  }

  private static FileKind text(byte[] head) {
    for (byte b : head) {
      if (b >= 0 && b < ' ' && b != '\t' && b != '\n' && b != '\r' && b != '\f') {
        return UNKNOWN;
      }
    }
    String text =
        new String(head, StandardCharsets.UTF_8)
            .replace("\uFEFF", "")
            .strip()
            .toLowerCase(Locale.ROOT);
    if (text.startsWith("version https://git-lfs") || text.startsWith("version https://hawser")) {
      return LFS_POINTER;
    }
    if (text.startsWith("<")) {
      return text.contains("<html") || text.startsWith("<!doctype html") || text.contains("<head")
          ? HTML
          : XML;
    }
    return text.startsWith("{") || text.startsWith("[") ? JSON : TEXT;
  }

  private static boolean allZero(byte[] head) {
    return Arrays.equals(head, new byte[head.length]);
  }

  private static boolean starts(byte[] head, String hex) {
    byte[] wanted = HEX.parseHex(hex);
    return head.length >= wanted.length
        && Arrays.equals(head, 0, wanted.length, wanted, 0, wanted.length);
  }

  private static int indexOf(byte[] head, byte[] wanted) {
    int furthest = 16; // after the protocol and the frame of a younger one
    for (int at = 0; at <= Math.min(furthest, head.length - wanted.length); at++) {
      if (Arrays.equals(head, at, at + wanted.length, wanted, 0, wanted.length)) {
        return at;
      }
    }
    return -1;
  }
}
