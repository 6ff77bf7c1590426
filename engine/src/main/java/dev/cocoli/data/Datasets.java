package dev.cocoli.data;

import dev.cocoli.data.formats.CocoDataset;
import dev.cocoli.data.formats.DatasetFormat;
import dev.cocoli.data.formats.VocDataset;
import dev.cocoli.data.formats.VocSplits;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;

/** Opens a data set in VOC or COCO format. */
public final class Datasets {

  private Datasets() {}

  /**
   * Opens a data set.
   *
   * @param data a VOC folder, or a COCO annotation file
   * @param images COCO: the folder of the images; without it, the file's own folder
   * @param split VOC: the name of the list of images; COCO files are a split by themselves and take
   *     none
   * @param format the format, or {@link DatasetFormat#AUTO} to determine it from the path
   * @param options classes, policy, box convention
   * @return the data set
   * @throws DataException if the path does not exist or has neither format, or the data set cannot
   */
  public static Dataset open(
      Path data,
      Optional<Path> images,
      Optional<String> split,
      DatasetFormat format,
      DatasetOptions options) {
    return switch (format == DatasetFormat.AUTO ? formatOf(data) : format) {
      case COCO -> CocoDataset.open(data, images.orElseGet(() -> folderOf(data)), options);
      default ->
          VocDataset.open(
              data,
              split.orElseThrow(
                  () -> new DataException(data + ": a VOC data set needs the name of a split")),
              options);
    };
  }

  /**
   * {@return the format of a data set, determined from its path}
   *
   * @param data a folder or file
   * @throws DataException if it looks like neither
   */
  public static DatasetFormat formatOf(Path data) {
    if (Files.isDirectory(data)) {
      VocSplits.of(data); // throws if it is not a VOC folder
      return DatasetFormat.VOC;
    }
    if (!Files.exists(data)) {
      throw new DataException(data + ": there is no such file or folder");
    }
    if (data.getFileName().toString().toLowerCase(Locale.ROOT).endsWith(".json")) {
      return DatasetFormat.COCO;
    }
    throw new DataException(
        data + ": is neither a VOC folder nor a COCO .json file; say which with the format");
  }

  private static Path folderOf(Path file) {
    return file.toAbsolutePath().getParent();
  }
}
