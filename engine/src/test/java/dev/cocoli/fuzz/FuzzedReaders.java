package dev.cocoli.fuzz;

import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.AnnotationReport;
import dev.cocoli.data.DataException;
import dev.cocoli.data.Dataset;
import dev.cocoli.data.DatasetOptions;
import dev.cocoli.data.TestImages;
import dev.cocoli.data.VocFolder;
import dev.cocoli.data.formats.CocoDataset;
import dev.cocoli.data.formats.TextLines;
import dev.cocoli.data.formats.VocDataset;
import dev.cocoli.data.image.ImageDecodeException;
import dev.cocoli.data.image.ImageDecoder;
import dev.cocoli.data.proposals.ProposalFile;
import dev.cocoli.detection.WeightsFile;
import dev.cocoli.distributed.RendezvousPackets;
import dev.cocoli.eval.CocoFiles;
import dev.cocoli.eval.CocoGroundTruth;
import dev.cocoli.eval.CocoMatching;
import dev.cocoli.nn.Safetensors;
import dev.cocoli.structures.Box;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Shape;
import dev.cocoli.train.FuzzedRun;
import dev.cocoli.train.TinyRuns;
import dev.cocoli.train.TrainingException;
import dev.cocoli.train.checkpoint.RunDescription;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** The readers that are tried. A new one is another line of {@link #all}. */
final class FuzzedReaders {
  private static final String COCO =
      """
      {"info": {"year": 2026}, "licenses": [],
       "images": [{"id": 1, "file_name": "a.png", "width": 40, "height": 30},
                  {"id": 2, "file_name": "b.png"}],
       "annotations": [
         {"id": 1, "image_id": 1, "category_id": 3, "bbox": [1, 2, 10.5, 12], "area": 126.0,
          "iscrowd": 0, "segmentation": [[1, 2, 11.5, 2, 11.5, 14, 1, 14]]},
         {"id": 2, "image_id": 1, "category_id": 7, "bbox": [0, 0, 40, 30], "area": 1200,
          "iscrowd": 1, "segmentation": {"counts": [0, 1200], "size": [30, 40]}},
         {"id": 3, "image_id": 2, "category_id": 3, "bbox": [3, 3, 4, 4], "area": 16, "iscrowd": 0}],
       "categories": [{"id": 3, "name": "cat", "supercategory": "animal"}, {"id": 7, "name": "dog"}]}
      """;

  private static final String RESULTS =
      """
      [{"image_id": 1, "category_id": 3, "bbox": [1.5, 2, 10, 12.25], "score": 0.875},
       {"image_id": 2, "category_id": 7, "bbox": [0, 0, 4e1, 30], "score": 1e-3, "file_name": "b.png"},
       {"image_id": 2, "category_id": 3, "bbox": [3, 3, 4, 4], "score": 1}]
      """;

  private FuzzedReaders() {}

  /**
   * Returns all readers.
   *
   * @param folder for the files that they need
   * @param run whose files are read
   */
  static List<FuzzedReader> all(Path folder, FuzzedRun run) throws IOException {
    ImageDecoder decoder = new ImageDecoder(1 << 20);
    FuzzedReader.Read image = (bytes, file) -> decoder.decode(bytes, file.toString()).close();
    Path images = Files.createDirectories(folder.resolve("images"));
    for (String name : List.of("a.png", "b.png")) {
      Files.write(images.resolve(name), TestImages.png(40, 30));
    }
    CocoGroundTruth truth =
        CocoFiles.readGroundTruth(Files.writeString(folder.resolve("truth.json"), COCO));
    List<Class<? extends Throwable>> io = List.of(IOException.class);
    List<Class<? extends Throwable>> data = List.of(DataException.class);
    return List.of(
        new FuzzedReader("jpeg", images(".jpg"), Structures::jpeg, broken(), image),
        new FuzzedReader("png", images(".png"), Structures::png, broken(), image),
        new FuzzedReader("bmp", images(".bmp"), Mutation.BYTES, broken(), image),
        new FuzzedReader("gif", images(".gif"), Mutation.BYTES, broken(), image),
        new FuzzedReader("tiff", images(".tif"), Mutation.BYTES, broken(), image),
        new FuzzedReader("voc-annotation", voc(), Mutation.TEXT, data, inVoc("Annotations/a.xml")),
        new FuzzedReader(
            "voc-split",
            texts("a\na.jpg\n", "a 1\na -1\n"),
            Mutation.TEXT,
            data,
            inVoc("ImageSets/Main/train.txt")),
        new FuzzedReader(
            "coco-annotations",
            texts(COCO),
            Mutation.TEXT,
            data,
            asFile(file -> CocoDataset.open(file, images, DatasetOptions.DEFAULT))),
        new FuzzedReader(
            "coco-ground-truth",
            texts(COCO),
            Mutation.TEXT,
            io,
            asFile(CocoFiles::readGroundTruth)),
        new FuzzedReader(
            "coco-results",
            texts(RESULTS),
            Mutation.TEXT,
            io,
            asFile(file -> CocoFiles.readResults(file, truth, CocoMatching.CHECKED))),
        new FuzzedReader(
            "classes",
            texts("cat\n dog \n\nred car\n", "\uFEFFa\r\nb\r\n"),
            Mutation.TEXT,
            io,
            asFile(TextLines::read)),
        new FuzzedReader(
            "proposals",
            proposals(folder, images),
            Structures::proposals,
            data,
            asFile(file -> ProposalFile.read(file).close())),
        new FuzzedReader(
            "safetensors",
            safetensors(folder),
            Structures::safetensors,
            io,
            asFile(FuzzedReaders::openTensors)),
        new FuzzedReader(
            "weights",
            weights(folder),
            Structures::safetensors,
            io,
            asFile(FuzzedReaders::openWeights)),
        new FuzzedReader(
            "state",
            List.of(run.state()),
            Structures::safetensors,
            List.of(TrainingException.class),
            (bytes, file) -> run.restore(bytes, file)),
        new FuzzedReader(
            "config",
            List.of(run.config()),
            Mutation.TEXT,
            List.of(TrainingException.class),
            asFile(file -> RunDescription.read(file).requireSame(run.description(), file))),
        RendezvousPackets.reader());
  }

  private static List<Class<? extends Throwable>> broken() {
    return List.of(ImageDecodeException.class);
  }

  private interface FileRead {
    void read(Path file) throws Exception;
  }

  private static FuzzedReader.Read asFile(FileRead read) {
    return (bytes, file) -> read.read(Files.write(file, bytes));
  }

  private static List<byte[]> texts(String... texts) {
    List<byte[]> result = new ArrayList<>();
    for (String text : texts) {
      result.add(text.getBytes(StandardCharsets.UTF_8));
    }
    return result;
  }

  private static List<byte[]> images(String extension) throws IOException {
    List<byte[]> result = new ArrayList<>();
    for (String name :
        List.of(
            "baseline420.jpg",
            "cmyk_adobe.jpg",
            "cmyk_progressive.jpg",
            "grey.jpg",
            "profile_first.jpg",
            "progressive.jpg",
            "restarts.jpg",
            "rgb.jpg",
            "ycck.jpg",
            "black_and_white.png",
            "grey16.png",
            "grey_alpha.png",
            "interlaced.png",
            "palette.png",
            "palette4.png",
            "rgb16.png",
            "rgba.png",
            "transparent_color.png",
            "palette.bmp",
            "rgb.bmp",
            "palette.gif",
            "part_transparent.gif",
            "exif_deflated.png",
            "no_end.png",
            "xmp.jpg",
            "rgb.tif",
            "lzw.tif",
            "grey.tif",
            "cmyk.tif",
            "exif.tif")) {
      if (name.endsWith(extension)) {
        try (InputStream in = FuzzedReaders.class.getResourceAsStream("/data/" + name)) {
          result.add(in.readAllBytes());
        }
      }
    }
    if (extension.equals(".jpg")) {
      result.add(turned(result.getFirst()));
    }
    return result;
  }

  /** A JPEG with an EXIF block, whose orientation is 6. */
  private static byte[] turned(byte[] jpeg) {
    byte[] exif = {
      -1,
      (byte) 0xE1,
      0,
      34,
      'E',
      'x',
      'i',
      'f',
      0,
      0,
      'I',
      'I',
      42,
      0,
      8,
      0,
      0,
      0,
      1,
      0,
      0x12,
      1,
      3,
      0,
      1,
      0,
      0,
      0,
      6,
      0,
      0,
      0,
      0,
      0,
      0,
      0
    };
    return Mutation.splice(jpeg, 2, 2, exif);
  }

  private static List<byte[]> voc() {
    return texts(
        VocFolder.xml("a.jpg", 40, 30, VocFolder.object("cat", 1, 2, 20.5, "30")),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
            + VocFolder.xml(
                "a.jpg",
                40,
                30,
                VocFolder.object("dog", 3, 3, 9, 9),
                VocFolder.object("a &amp; b", 1, 1, 40, 30)));
  }

  /** Writes the file to its place in a data set, and opens that. */
  private static FuzzedReader.Read inVoc(String place) {
    return (bytes, file) -> {
      Path root = file.resolveSibling(file.getFileName() + ".voc");
      if (!Files.exists(root)) {
        new VocFolder(root).add("a", VocFolder.object("cat", 1, 2, 20, 30)).split("train", "a");
      }
      Files.write(root.resolve(place), bytes);
      VocDataset.open(root, "train");
    };
  }

  /** Two images whose regions are known. */
  private record Two(Path images) implements Dataset {
    @Override
    public List<String> classNames() {
      return List.of("thing");
    }

    @Override
    public int size() {
      return 2;
    }

    @Override
    public AnnotatedImage get(int index) {
      String name = index == 0 ? "a.png" : "b.png";
      return new AnnotatedImage(index, name, images.resolve(name), 40, 30, List.of());
    }

    @Override
    public AnnotationReport report() {
      return new AnnotationReport(2, 0, 0, 0, 0, 0, 0, Map.of(), List.of());
    }
  }

  private static List<byte[]> proposals(Path folder, Path images) throws IOException {
    Path file = folder.resolve("proposals");
    List<Box> boxes =
        IntStream.range(0, 9).mapToObj(i -> new Box(i, i, i + 10 + i, i + 5)).toList();
    ProposalFile.write(file, new Two(images), (annotated, image) -> boxes, "settings", 1);
    return List.of(Files.readAllBytes(file));
  }

  private static List<byte[]> safetensors(Path folder) throws IOException {
    Map<String, Safetensors.Entry> entries = new LinkedHashMap<>();
    entries.put(
        "layer.weight",
        new Safetensors.Entry(
            DType.F32, Shape.of(2, 3), MemorySegment.ofArray(new float[] {1, 2, 3, 4, 5, 6})));
    entries.put(
        "count",
        new Safetensors.Entry(DType.I64, Shape.of(), MemorySegment.ofArray(new long[] {7})));
    Path file = folder.resolve("tensors");
    Safetensors.write(file, Map.of("format", "pt"), entries);
    return List.of(Files.readAllBytes(file));
  }

  private static void openTensors(Path file) throws IOException {
    try (Safetensors opened = Safetensors.open(file)) {
      long bytes =
          opened.entries().values().stream().mapToLong(entry -> entry.data().byteSize()).sum();
      if (bytes > Files.size(file)) {
        throw new AssertionError("has arrays of " + bytes + " bytes");
      }
    }
  }

  private static List<byte[]> weights(Path folder) throws IOException {
    Path file = folder.resolve("weights");
    Map<String, String> metadata =
        new LinkedHashMap<>(TinyRuns.model(List.of("cat", "dog")).toMetadata());
    metadata.put(
        "cocoli.config",
        "{\"min_size\":\"64\",\"box_score_thresh\":\"0.05\",\"rpn_nms_thresh\":\"0.7\"}");
    Safetensors.write(file, metadata, Map.of());
    return List.of(Files.readAllBytes(file));
  }

  private static void openWeights(Path file) throws IOException {
    try (WeightsFile weights = WeightsFile.open(file)) {
      weights.spec();
      weights.isClassifier();
    }
  }
}
