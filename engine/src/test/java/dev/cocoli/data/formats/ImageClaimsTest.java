package dev.cocoli.data.formats;

import static dev.cocoli.data.VocFolder.object;
import static dev.cocoli.data.VocFolder.xml;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.data.Dataset;
import dev.cocoli.data.DatasetOptions;
import dev.cocoli.data.Datasets;
import dev.cocoli.data.TestImages;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** No annotation gets the pixels of another's image. */
class ImageClaimsTest {

  @TempDir Path folder;

  private void image(String path) throws IOException {
    Path file = folder.resolve(path);
    Files.createDirectories(file.getParent());
    Files.write(file, TestImages.jpeg(40, 30));
  }

  /** Opens a COCO file that lists images, each with an object. */
  private Dataset coco(String... names) throws IOException {
    List<String> images = new ArrayList<>();
    List<String> objects = new ArrayList<>();
    for (String name : names) {
      int id = images.size() + 1;
      images.add(
          "{\"id\": %d, \"file_name\": \"%s\", \"width\": 40, \"height\": 30}"
              .formatted(id, name.replace("\\", "\\\\")));
      objects.add(
          "{\"id\": %d, \"image_id\": %d, \"category_id\": 1, \"bbox\": [1, 2, 20, 20]}"
              .formatted(id, id));
    }
    String json =
        "{\"images\": %s, \"annotations\": %s, \"categories\": [{\"id\": 1, \"name\": \"x\"}]}";
    Path file = Files.writeString(folder.resolve("all.json"), json.formatted(images, objects));
    return open(file, Optional.empty());
  }

  private static Dataset open(Path data, Optional<String> split) {
    return Datasets.open(data, Optional.empty(), split, DatasetFormat.AUTO, DatasetOptions.DEFAULT);
  }

  private static List<Long> ids(Dataset data) {
    return IntStream.range(0, data.size()).mapToObj(i -> data.get(i).imageId()).toList();
  }

  private static String findings(Dataset data) {
    return data.report().findings().toString();
  }

  @ParameterizedTest
  @CsvSource({"cam2/1.jpg,1.jpg", "1.png,1.jpg", "1.JPG,1.jpg", "/srv/1.jpg,1.jpg"})
  void aFileGoesToTheImageThatHasItsName(String other, String own) throws IOException {
    image("1.jpg");
    Dataset data = coco(other, own);
    assertEquals(List.of(2L), ids(data));
    assertEquals(1, data.report().imagesDropped());
    String found = findings(data);
    assertTrue(
        found.contains("all.json: there is no image " + other + " in ")
            && found.contains(", and 1.jpg may be that of another entry"),
        found);
  }

  @Test
  void aFileThatMayBeOfTwoImagesIsOfNeither() throws IOException {
    image("1.jpg");
    image("2.jpg");
    assertEquals(List.of(2L), ids(coco("cam1/1.jpg", "cam1/2.jpg", "cam2/1.jpg", "cam3/1.jpg")));
    assertEquals(List.of(1L, 2L), ids(coco("2.jpg", "2.jpg"))); // listed twice, but it is the image
  }

  @Test
  void anAnnotationFileDoesNotTakeTheImageOfAnother() throws IOException {
    image("voc/images/1.jpg");
    image("voc/images/2.jpg");
    for (String name : List.of("1", "copy", "other")) { // of a tool that copied <filename>
      Path file = folder.resolve("voc/annotations").resolve(name + ".xml");
      Files.createDirectories(file.getParent());
      String named = name.equals("other") ? "2.jpg" : "1.jpg";
      Files.writeString(file, xml(named, 40, 30, object("dog", 1, 2, 20, 25)));
    }
    Dataset data = open(folder.resolve("voc"), Optional.of("all"));
    assertEquals(
        List.of("1.jpg", "2.jpg"),
        IntStream.range(0, data.size()).mapToObj(i -> data.get(i).fileName()).toList());
    String found = findings(data);
    assertTrue(found.contains("copy.xml: there is no image "), found);
    assertTrue(found.contains(", and 1.jpg may be that of another file"), found);
  }

  @Test
  void anAnnotationFileSaysWhichOfTwoExtensionsItMeans() throws IOException {
    image("voc/images/1.jpg");
    Files.write(folder.resolve("voc/images/1.png"), TestImages.png(20, 10));
    Files.createDirectories(folder.resolve("voc/annotations"));
    Files.writeString(
        folder.resolve("voc/annotations/1.xml"), xml("1.png", 20, 10, object("dog", 1, 2, 9, 9)));
    Dataset data = open(folder.resolve("voc"), Optional.of("all"));
    assertEquals("1.png", data.get(0).fileName());
    assertEquals(20, data.get(0).width());
  }

  @Test
  void findsTheFolderOfImagesWhenTheFirstIsMissing() throws IOException {
    image("images/2.jpg");
    image("images/3.jpg");
    Dataset data = coco("1.jpg", "2.jpg", "3.jpg");
    assertEquals(List.of(2L, 3L), ids(data));
    assertTrue(findings(data).contains("there is no image 1.jpg in "), findings(data));
  }

  @Test
  void findsNamesAsTheyAreAndNoLinksToNothing() throws IOException {
    image(" first.jpg");
    image("set\\2.jpg"); // as unpacking an archive of Windows leaves it
    Files.createSymbolicLink(folder.resolve("3.jpg"), Path.of("gone.jpg"));
    Dataset data = coco(" first.jpg", "set\\2.jpg", "3.jpg");
    assertEquals(List.of(1L, 2L), ids(data));
    assertTrue(findings(data).contains("there is no image 3.jpg in "), findings(data));
  }
}
