package dev.cocoli.data.formats;

import static dev.cocoli.data.VocFolder.object;
import static dev.cocoli.data.VocFolder.xml;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.data.AnnotationReport;
import dev.cocoli.data.AnnotationReport.Problem;
import dev.cocoli.data.DataException;
import dev.cocoli.data.DatasetOptions;
import dev.cocoli.data.VocFolder;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** XML that is hostile, malformed or of another encoding. */
class HostileVocTest {

  private static final DatasetOptions DEFAULT = DatasetOptions.DEFAULT;

  @TempDir Path folder;

  private VocFolder voc;

  @BeforeEach
  void makeFolder() throws IOException {
    voc = new VocFolder(folder.resolve("set"));
  }

  private VocDataset open(String split) {
    return VocDataset.open(voc.root, split);
  }

  private String failure(String split, DatasetOptions options) {
    String message =
        assertThrows(DataException.class, () -> VocDataset.open(voc.root, split, options))
            .getMessage();
    assertTrue(message.indexOf('\n') < 0, message);
    return message;
  }

  private String hostile(String xml) throws IOException {
    voc.add("a", object("dog", 1, 1, 9, 9)).add("bad").annotation("bad", xml);
    voc.split("train", "a", "bad").split("other", "a");
    String message =
        assertTimeoutPreemptively(Duration.ofSeconds(60), () -> failure("train", DEFAULT));
    assertTrue(message.startsWith(voc.root.resolve("Annotations/bad.xml").toString()), message);
    assertTrue(message.contains("document type"), message);
    assertEquals(message, failure("other", DEFAULT), "looking for classes is no less careful");
    return message;
  }

  @Test
  void refusesAnEntityThatReadsAFile() throws IOException {
    Path secret = Files.writeString(folder.resolve("secret.txt"), "hush");
    String message =
        hostile(
            """
            <!DOCTYPE annotation [<!ENTITY x SYSTEM "%s">]>
            <annotation><filename>bad.jpg</filename>
            <object><name>&x;</name></object></annotation>
            """
                .formatted(secret.toUri()));
    assertFalse(message.contains("hush"), message);
  }

  @Test
  void refusesADeviceWithoutEnd() throws IOException {
    voc.add("a").split("train", "a");
    Path annotation = voc.root.resolve("Annotations/a.xml");
    Files.delete(annotation);
    Files.createSymbolicLink(annotation, Path.of("/dev/zero"));
    String message = failure("train", DEFAULT);
    Files.delete(annotation); // JUnit warns about links that lead elsewhere
    assertTrue(message.contains("a.xml: is too large for an annotation"), message);
  }

  @Test
  void refusesADocumentTypeFromElsewhere() throws IOException {
    hostile("<!DOCTYPE annotation SYSTEM 'http://127.0.0.1:9/a.dtd'><annotation/>");
    hostile(
        "<!DOCTYPE annotation [<!ENTITY % p SYSTEM 'http://127.0.0.1:9/a.dtd'> %p;]><annotation/>");
  }

  @Test
  void refusesAnEntityThatExpandsWithoutEnd() throws IOException {
    StringBuilder laughs = new StringBuilder("<!DOCTYPE annotation [<!ENTITY e0 \"ha\">\n");
    for (int i = 1; i < 30; i++) {
      String ten = ("&e" + (i - 1) + ";").repeat(10);
      laughs.append("<!ENTITY e").append(i).append(" \"").append(ten).append("\">\n");
    }
    hostile(laughs + "]><annotation><object><name>&e29;</name></object></annotation>");
  }

  @Test
  void saysWhatTheEncodingIsNotAndPrintsNothing() throws IOException {
    voc.add("a", object("dog", 1, 1, 9, 9)).add("bad");
    String xml = "<annotation><object><name>Gr\u00F6\u00DFe</name></object></annotation>";
    Files.write(voc.root.resolve("Annotations/bad.xml"), xml.getBytes(StandardCharsets.ISO_8859_1));
    voc.split("train", "a", "bad");
    PrintStream before = System.err;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    System.setErr(new PrintStream(printed, true, StandardCharsets.UTF_8));
    try {
      AnnotationReport report = open("train").report();
      String message = report.findings().getFirst().message();
      assertTrue(message.contains("bad.xml: is no text in UTF-8"), message);
      assertEquals(1, message.lines().count(), message);
    } finally {
      System.setErr(before);
    }
    assertEquals("", printed.toString(StandardCharsets.UTF_8));
    String declared = "<?xml version='1.0' encoding=\"ISO-8859-1\"?>" + xml;
    Files.write(
        voc.root.resolve("Annotations/bad.xml"), declared.getBytes(StandardCharsets.ISO_8859_1));
    assertEquals(List.of("Gr\u00F6\u00DFe", "dog"), open("train").classNames());
    Files.writeString(
        voc.root.resolve("Annotations/bad.xml"), "\uFEFF" + xml, StandardCharsets.UTF_16LE);
    assertEquals(List.of("Gr\u00F6\u00DFe", "dog"), open("train").classNames());
    Files.writeString(
        voc.root.resolve("Annotations/bad.xml"), "<annotation>\n<object></annotation>");
    String message = open("train").report().findings().getFirst().message();
    assertTrue(message.contains("is no well-formed XML at line 2 ("), message);
    assertEquals(1, message.lines().count(), message);
  }

  @Test
  void survivesADeepFile() throws IOException {
    voc.add("deep", object("dog", 1, 1, 9, 9));
    voc.add("bad").annotation("bad", "<annotation>" + "<object>".repeat(200_000));
    voc.split("train", "deep", "bad");
    assertEquals(1, open("train").report().counts().get(Problem.BROKEN_ANNOTATION));
  }
}
