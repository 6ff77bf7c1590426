package dev.cocoli.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.data.formats.DatasetFormat;
import dev.cocoli.data.formats.VocDataset;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DatasetsTest {

  @TempDir Path folder;

  private static Dataset open(Path data, Optional<Path> images, Optional<String> split) {
    return Datasets.open(data, images, split, DatasetFormat.AUTO, DatasetOptions.DEFAULT);
  }

  private static String failure(Path data) {
    return assertThrows(DataException.class, () -> open(data, Optional.empty(), Optional.of("a")))
        .getMessage();
  }

  @Test
  void opensAVocFolder() throws IOException {
    VocFolder voc = new VocFolder(folder);
    voc.add("a", VocFolder.object("dog", 1, 1, 9, 9)).split("train", "a");
    assertInstanceOf(VocDataset.class, open(folder, Optional.empty(), Optional.of("train")));
    String message =
        assertThrows(DataException.class, () -> open(folder, Optional.empty(), Optional.empty()))
            .getMessage();
    assertTrue(message.contains("needs the name of a split"), message);
  }

  @Test
  void opensACocoFile() throws IOException {
    Path json = folder.resolve("a.JSON");
    Files.writeString(
        json,
        "{\"images\": [{\"id\": 1, \"file_name\": \"a.jpg\"}], \"annotations\": [],"
            + " \"categories\": [{\"id\": 1, \"name\": \"x\"}]}");
    Path images = Files.createDirectories(folder.resolve("images"));
    Files.write(images.resolve("a.jpg"), TestImages.jpeg(8, 8));
    assertEquals(1, open(json, Optional.of(images), Optional.empty()).size());
    Files.copy(images.resolve("a.jpg"), folder.resolve("a.jpg"));
    assertEquals(1, open(json, Optional.empty(), Optional.empty()).size());
  }

  @Test
  void saysWhatIsNeither() throws IOException {
    assertTrue(failure(folder).contains("is empty"), failure(folder));
    Path text = Files.writeString(folder.resolve("a.txt"), "");
    assertTrue(failure(text).contains("neither a folder nor a COCO .json file"));
    assertTrue(failure(folder.resolve("none")).contains("no such file or folder"));
  }
}
