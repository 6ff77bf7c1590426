package dev.cocoli.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.Writer;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What becomes of the standard output: a pipe that nobody reads any more, a full disk, JSON. */
class StandardOutputTest {
  @TempDir private Path folder;
  private Path weights;

  @BeforeEach
  void makeFiles() throws IOException {
    weights = Cli.unpack("oracle/frcnn-tiny-batch-0/weights.safetensors", folder);
    for (String name : List.of("a.png", "c.png")) {
      BufferedImage image = new BufferedImage(64, 64, BufferedImage.TYPE_INT_RGB);
      ImageIO.write(image, "png", folder.resolve(name).toFile());
    }
    Files.writeString(folder.resolve("b.png"), "no image");
  }

  private String[] detect(String... more) {
    List<String> words =
        new ArrayList<>(List.of("detect", "--weights", weights.toString(), "--device", "cpu"));
    words.addAll(List.of("--model", "fasterrcnn_tiny_fpn", "--classes", "3", "--min-size", "96"));
    words.addAll(List.of("--score", "0.9")); // every image has objects
    words.addAll(Arrays.asList(more));
    return words.toArray(String[]::new);
  }

  /** A pipe whose reader has gone, as that of {@code | head -1}. */
  private static final class ClosedPipe extends Writer {
    @Override
    public void write(char[] text, int from, int count) throws IOException {
      throw new IOException("Broken pipe");
    }

    @Override
    public void flush() {}

    @Override
    public void close() {}
  }

  @Test
  void detectionEndsWhenNobodyReadsItsLines() {
    StringWriter err = new StringWriter();
    PrintWriter gone = new PrintWriter(new ClosedPipe(), true);
    Main.run(gone, new PrintWriter(err, true), detect(folder.toString()));
    assertFalse(err.toString().contains("b.png"), "it went on with the next image:\n" + err);
  }

  @Test
  void jsonToADeviceHasNotesBesideIt() {
    Path device = Path.of("/dev/null");
    Assumptions.assumeTrue(Files.exists(device), "no /dev/null on this system");
    Cli cli = Cli.run((Object[]) detect("--json", "/dev/null", folder.resolve("a.png").toString()));
    assertEquals("", cli.ok().out());
    assertTrue(cli.err().contains("1 image, "), cli.err());
  }

  /** A shell's {@code >>}: nothing else is in the file, and what was there stays. */
  @Test
  @Tag("slow")
  void jsonOnStandardOutputIsWhole() throws Exception {
    Assumptions.assumeTrue(Files.exists(Path.of("/dev/stdout")), "no /dev/stdout on this system");
    Path out = Files.writeString(folder.resolve("out.json"), "[]\n");
    Path err = folder.resolve("err.txt");
    String[] words = detect("--json", "/dev/stdout", folder.resolve("a.png").toString());
    int code = run(words, Redirect.appendTo(out.toFile()), err);
    assertEquals(0, code, Files.readString(err));
    String text = Files.readString(out);
    assertTrue(text.startsWith("[]\n["), text);
    JsonNode found = new ObjectMapper().readTree(text.substring(3));
    assertTrue(found.isArray() && !found.isEmpty(), text);
    assertTrue(text.endsWith("]"), text);
  }

  @Test
  @Tag("slow")
  void whatCannotBePrintedIsAnError() throws Exception {
    Path full = Path.of("/dev/full");
    Assumptions.assumeTrue(Files.exists(full), "no /dev/full on this system");
    Path err = folder.resolve("err.txt");
    int code = run(new String[] {"--version"}, Redirect.to(full.toFile()), err);
    assertEquals(1, code, Files.readString(err));
    assertEquals(
        "cocoli: cannot write to standard output: No space left on device\n",
        Files.readString(err));
  }

  private static int run(String[] words, Redirect out, Path err) throws Exception {
    List<String> java =
        List.of(
            ProcessHandle.current().info().command().orElseThrow(),
            "--enable-native-access=ALL-UNNAMED",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-cp",
            System.getProperty("java.class.path"),
            Main.class.getName());
    List<String> all = Stream.concat(java.stream(), Arrays.stream(words)).toList();
    ProcessBuilder builder = new ProcessBuilder(all).redirectOutput(out);
    builder.redirectError(err.toFile()).environment().put("LC_ALL", "C");
    return builder.start().waitFor();
  }
}
