package dev.cocoli.data.formats;

import static dev.cocoli.data.VocFolder.object;
import static dev.cocoli.data.VocFolder.xml;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.data.DataException;
import dev.cocoli.data.Dataset;
import dev.cocoli.data.DatasetOptions;
import dev.cocoli.data.Datasets;
import dev.cocoli.data.TestImages;
import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Data sets in the layouts, spellings and encodings in which people have them. */
class LayoutTest {

  private static final DatasetOptions OPTIONS = DatasetOptions.DEFAULT;

  @TempDir Path folder;

  private void image(String path) throws IOException {
    write(path, TestImages.jpeg(40, 30));
  }

  private void annotation(String path, String fileName) throws IOException {
    write(
        path, xml(fileName, 40, 30, object("dog", 1, 2, 20, 25)).getBytes(StandardCharsets.UTF_8));
  }

  private void write(String path, byte[] bytes) throws IOException {
    Path file = folder.resolve(path);
    Files.createDirectories(file.getParent());
    Files.write(file, bytes);
  }

  private Dataset open(Path data, String split) {
    return Datasets.open(data, Optional.empty(), Optional.of(split), DatasetFormat.AUTO, OPTIONS);
  }

  private static List<String> names(Dataset data) {
    List<String> names = new ArrayList<>();
    for (int i = 0; i < data.size(); i++) {
      names.add(data.get(i).fileName());
    }
    return names;
  }

  // ---- layouts

  @ParameterizedTest
  @CsvSource({
    "images,annotations",
    "images,annots",
    "images,labels",
    "images,xml",
    "img,Annotations",
    "JPEGImages,Annotations",
    "'',''",
    "images,images",
    "'',xmls",
  })
  void findsImagesAndAnnotations(String images, String annotations) throws IOException {
    for (int i = 0; i < 20; i++) {
      image("set/" + images + "/img-" + i + ".jpg");
      annotation("set/" + annotations + "/img-" + i + ".xml", "img-" + i + ".jpg");
    }
    Files.writeString(folder.resolve("set/classes.txt"), "dog\n");
    write("set/" + annotations + "/._img-1.xml", new byte[] {0, 5, 22, 7}); // of macOS
    Path data = folder.resolve("set");
    Dataset train = open(data, "train");
    Dataset val = open(data, "val");
    assertEquals(20, open(data, "all").size());
    assertEquals(20, train.size() + val.size());
    assertTrue(val.size() >= 1 && val.size() <= 6, val.size() + " of 20");
    assertFalse(names(train).removeAll(names(val)), "no image is in both");
    assertEquals(List.of("dog"), train.classNames());
    assertEquals(1, train.get(0).annotations().size());
  }

  @Test
  void takesTheFolderOfXmlFilesWithThatOfTheImages() throws IOException {
    image("pixels/a.jpg");
    annotation("marks/a.xml", "a.jpg");
    Dataset all =
        Datasets.open(
            folder.resolve("marks"),
            Optional.of(folder.resolve("pixels")),
            Optional.of("all"),
            DatasetFormat.AUTO,
            OPTIONS);
    assertEquals(folder.resolve("pixels/a.jpg"), all.get(0).path());
  }

  @Test
  void anImageKeepsItsSplitWhenOthersAreAdded() throws IOException {
    for (int i = 0; i < 60; i++) {
      annotation("set/" + i + ".xml", i + ".jpg");
      image("set/" + i + ".jpg");
    }
    List<String> before = names(open(folder.resolve("set"), "val"));
    for (int i = 60; i < 100; i++) {
      annotation("set/" + i + ".xml", i + ".jpg");
      image("set/" + i + ".jpg");
    }
    List<String> after = names(open(folder.resolve("set"), "val"));
    assertTrue(after.containsAll(before), before + " " + after);
    after.removeAll(before);
    after.forEach(name -> assertTrue(Integer.parseInt(name.replace(".jpg", "")) >= 60, name));
    assertEquals(
        100,
        VocDataset.open(folder.resolve("set"), "train", OPTIONS.withValidationFraction(0)).size());
  }

  @Test
  void takesFoldersAsSplits() throws IOException {
    for (String split : List.of("train", "valid", "test")) {
      image("robo/" + split + "/" + split + "_jpg.rf.1.jpg");
      annotation("robo/" + split + "/" + split + "_jpg.rf.1.xml", split + "_jpg.rf.1.jpg");
    }
    Path data = folder.resolve("robo");
    assertEquals(List.of("train_jpg.rf.1.jpg"), names(open(data, "train")));
    assertEquals(List.of("valid_jpg.rf.1.jpg"), names(open(data, "val")));
    assertEquals(List.of("valid_jpg.rf.1.jpg"), names(open(data, "valid")));
    assertTrue(Datasets.hasSplit(data, Optional.empty(), "val", OPTIONS));
    String message = assertThrows(DataException.class, () -> open(data, "trainval")).getMessage();
    assertTrue(message.contains("there is: train, val, test"), message);
  }

  @ParameterizedTest
  @CsvSource({
    "annotations/instances_train.json,train,train",
    "annotations/instances_train2017.json,train2017,train",
    "annotations/instances_train2017.json,images/train2017,train2017",
    "annotations/instances_default.json,images,default",
    "train/_annotations.coco.json,train,train",
    "valid/_annotations.coco.json,valid,val",
    "valid/_annotations.coco.json,valid,valid",
    "annotations/instances_validation.json,images,val",
  })
  void findsCocoFilesInAFolder(String file, String images, String split) throws IOException {
    image("coco/" + images + "/a.jpg");
    write("coco/" + file, coco("a.jpg", 7).getBytes(StandardCharsets.UTF_8));
    assertEquals(List.of("a.jpg"), names(open(folder.resolve("coco"), split)));
    assertTrue(Datasets.hasSplit(folder.resolve("coco"), Optional.empty(), split, OPTIONS));
    assertFalse(Datasets.hasSplit(folder.resolve("coco"), Optional.empty(), "other", OPTIONS));
  }

  @ParameterizedTest
  @CsvSource({
    "set/all.json,set/a.jpg",
    "set/all.json,set/images/a.jpg",
    "set/annotations/all.json,set/images/a.jpg",
  })
  void findsTheImagesOfACocoFile(String file, String image) throws IOException {
    image("set/images/other/b.jpg");
    image(image);
    write(file, coco("a.jpg", 7).getBytes(StandardCharsets.UTF_8));
    Dataset data =
        Datasets.open(
            folder.resolve(file), Optional.empty(), Optional.empty(), DatasetFormat.AUTO, OPTIONS);
    assertEquals(folder.resolve(image).toAbsolutePath(), data.get(0).path());
  }

  @Test
  void saysWhatToDoWithOtherLabels() throws IOException {
    for (String labels : List.of("yolo/labels/train/a.txt", "robo/train/labels/a.txt")) {
      write(labels, "0 0.5 0.5 0.1 0.1\n".getBytes(StandardCharsets.UTF_8));
      Path data = folder.resolve(labels).getParent().getParent().getParent();
      assertTrue(refusal(data).contains("; YOLO's labels are not read"), refusal(data));
    }
    write("yolo/data.yaml", new byte[0]);
    String described = refusal(folder.resolve("yolo/data.yaml"));
    assertTrue(described.contains("data.yaml: ") && described.contains("faq.md"), described);
    write("coco/annotations/all.json", new byte[0]);
    Path file = folder.resolve("coco/annotations/all.json");
    String meant = refusal(folder.resolve("coco"));
    assertTrue(meant.contains("; did you mean " + file + "?"), meant);
    write("other/notes.txt", new byte[0]);
    String other = refusal(folder.resolve("other"));
    assertFalse(other.contains("YOLO") || other.contains("did you mean"), other);
  }

  private String refusal(Path data) {
    return assertThrows(DataException.class, () -> open(data, "train")).getMessage();
  }

  private static String coco(String fileName, int category) {
    return """
    {"images": [{"id": 1, "file_name": "%s", "width": 40, "height": 30}],
     "annotations": [{"id": 1, "image_id": 1, "category_id": %d, "bbox": [1, 2, 20, 20]}],
     "categories": [{"id": 0, "name": "helmet", "supercategory": "none"},
       {"id": 7, "name": "helmet", "supercategory": "helmet"},
       {"id": 8, "name": "dog", "supercategory": "helmet"}]}
    """
        .formatted(fileName, category);
  }

  @Test
  void aCategoryThatIsTheDataSetIsNoClass() throws IOException {
    image("a.jpg");
    write("same.json", coco("a.jpg", 7).getBytes(StandardCharsets.UTF_8));
    CocoDataset same =
        CocoDataset.open(folder.resolve("same.json"), folder, DatasetOptions.DEFAULT);
    assertEquals(List.of("helmet", "dog"), same.classNames());
    assertEquals(OptionalInt.of(7), same.categoryId(1));
    assertEquals(OptionalInt.of(8), same.categoryId(2));
    write(
        "distinct.json",
        coco("a.jpg", 7)
            .replace("\"name\": \"helmet\"", "\"name\": \"cat\"")
            .replaceFirst("\"name\": \"cat\"", "\"name\": \"helmet\"")
            .getBytes(StandardCharsets.UTF_8));
    CocoDataset distinct =
        CocoDataset.open(folder.resolve("distinct.json"), folder, DatasetOptions.DEFAULT);
    assertEquals(List.of("cat", "dog"), distinct.classNames());
    write("used.json", coco("a.jpg", 0).getBytes(StandardCharsets.UTF_8));
    CocoDataset used =
        CocoDataset.open(folder.resolve("used.json"), folder, DatasetOptions.DEFAULT);
    assertEquals(2, used.classNames().size());
    assertEquals(OptionalInt.of(0), used.categoryId(1));
    assertEquals(OptionalInt.of(8), used.categoryId(2));
  }

  // ---- names

  @ParameterizedTest
  @CsvSource({
    "a.jpg,a.jpg",
    "a.jpg,a.JPG",
    "a,a.Jpeg",
    "a.png,a.jpg",
    "A.JPG,a.jpg",
    "C:\\\\Users\\\\me\\\\a.jpg,a.jpg",
    "/data/upload/1/a.jpg,a.jpg",
    "sub/a.jpg,sub/a.jpg",
    "/srv/set/sub/a.jpg,sub/a.jpg",
    "../other/a.jpg,a.jpg",
    "two words.jpg,two words.jpg",
    "two%20words.jpg,two words.jpg",
    "100%.jpg,100%.jpg",
    "/data/local-files/?d=set/a.jpg,a.jpg",
    "a.jpg?width=3,a.jpg",
    "a.b.c,a.b.c.jpg",
  })
  void findsAFileByWhatAnAnnotationCallsIt(String written, String there) throws IOException {
    image("files/" + there);
    image("files/other.jpg");
    NamedFiles files = new NamedFiles(folder.resolve("files"), NamedFiles.IMAGES);
    assertEquals(Optional.of(folder.resolve("files").resolve(there)), files.find(written));
  }

  @Test
  void findsAnAccentInEitherForm() throws IOException {
    image("files/caf\u00e9.jpg");
    image("files/na\u0069\u0308ve.jpg");
    NamedFiles files = new NamedFiles(folder.resolve("files"), NamedFiles.IMAGES);
    assertTrue(files.find("cafe\u0301.jpg").isPresent());
    assertTrue(files.find("na\u00efve").isPresent());
  }

  @Test
  void findsNothingOutsideAndNothingThatIsAmbiguous() throws IOException {
    image("secret.jpg");
    image("files/dog.JPG");
    image("files/DOG.jpg");
    NamedFiles files = new NamedFiles(folder.resolve("files"), NamedFiles.IMAGES);
    assertEquals(Optional.empty(), files.find("../secret.jpg"));
    assertEquals(Optional.empty(), files.find("Dog.Jpg"));
    assertEquals("DOG.jpg", files.find("DOG").orElseThrow().getFileName().toString());
    assertEquals(Optional.empty(), files.find(""));
    assertEquals(Optional.empty(), files.find("a\0b"));
    assertEquals(Optional.empty(), files.find("half\ud800.jpg"));
  }

  // ---- encodings

  private Dataset encoded(String declaration, Charset charset, String mark, String className)
      throws IOException {
    image("x/a.jpg");
    String text = mark + declaration + xml("a.jpg", 40, 30, object(className, 1, 2, 20, 25));
    write("x/a.xml", text.getBytes(charset));
    return open(folder.resolve("x"), "all");
  }

  @ParameterizedTest
  @CsvSource({
    "<?xml version='1.0'?>,UTF-8,''",
    "<?xml version='1.0' encoding='utf8'?>,UTF-8,''",
    "<?xml version='1.0' encoding='UTF_8'?>,UTF-8,''",
    "<?xml version='1.0' encoding='utf-16'?>,UTF-8,''",
    "<?xml version='1.0' encoding='Unicode'?>,UTF-16LE,'\uFEFF'",
    "<?xml version='1.0' encoding='utf-16'?>,UTF-16BE,''",
    "<?xml version='1.0' encoding='gb2312'?>,GBK,''",
    "<?xml version='1.0' encoding='cp936'?>,GBK,''",
    "<?xml version='1.1' encoding='GB18030'?>,GB18030,''",
    "'',UTF-8,'\uFEFF'",
    "'',UTF-16LE,'\uFEFF'",
    "<?xml version='1.0' encoding='utf-8'?>,UTF-8,'\n\n '",
  })
  void readsXmlInTheEncodingThatItIsIn(String declaration, String charset, String mark)
      throws IOException {
    Dataset data = encoded(declaration, Charset.forName(charset), mark, "\u732b");
    assertEquals(List.of("\u732b"), data.classNames());
  }

  @Test
  void readsXmlThatIsPadded() throws IOException {
    image("x/a.jpg");
    write(
        "x/a.xml",
        (xml("a.jpg", 40, 30, object("cat", 1, 2, 20, 25)) + "\0\0\u001A")
            .getBytes(StandardCharsets.UTF_8));
    assertEquals(1, open(folder.resolve("x"), "all").size());
  }

  @ParameterizedTest
  @ValueSource(strings = {"klingon", "no such", "utf-8"})
  void namesAnEncodingThatDoesNotFit(String encoding) throws IOException {
    String declaration = "<?xml version='1.0' encoding='" + encoding + "'?>";
    String message =
        assertThrows(
                DataException.class,
                () -> encoded(declaration, StandardCharsets.ISO_8859_1, "", "\u00e9t\u00e9"))
            .getMessage();
    assertTrue(message.contains("a.xml") && message.contains("encod"), message);
  }

  @Test
  void readsListsOfWindows() throws IOException {
    Path list = folder.resolve("classes.txt");
    for (Charset charset : List.of(StandardCharsets.UTF_16LE, StandardCharsets.UTF_16BE)) {
      Files.write(list, "\uFEFFcat\r\n\u732b\r\n".getBytes(charset));
      assertEquals(List.of("cat", "\u732b"), TextLines.read(list));
    }
  }
}
