package dev.cocoli.data;

import dev.cocoli.data.formats.CocoDataset;
import dev.cocoli.data.formats.CocoLayout;
import dev.cocoli.data.formats.DatasetFormat;
import dev.cocoli.data.formats.VocDataset;
import dev.cocoli.data.formats.YoloLabels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Opens a data set in VOC or COCO format. */
public final class Datasets {

  private Datasets() {}

  /**
   * Opens a data set.
   *
   * @param data a folder in one of the layouts of {@link VocDataset} or {@link CocoLayout}, or a
   *     COCO annotation file
   * @param images the folder of the images; without it, that of the layout; of a COCO file its own,
   *     or {@code images} in that or beside it
   * @param split the split of a folder; COCO files are a split by themselves and take none
   * @param format the format, or {@link DatasetFormat#AUTO} to determine it from the path
   * @param options classes, policy, box convention, division of folders without lists
   * @return the data set
   * @throws DataException if the path does not exist or has neither format, or the data set cannot
   *     be used
   */
  public static Dataset open(
      Path data,
      Optional<Path> images,
      Optional<String> split,
      DatasetFormat format,
      DatasetOptions options) {
    return switch (format == DatasetFormat.AUTO ? formatOf(data) : format) {
      case COCO -> {
        if (Files.isDirectory(data)) {
          CocoLayout layout = layout(data, required(data, split));
          yield CocoDataset.open(layout.file(), images.orElse(layout.images()), options);
        }
        yield images.isPresent()
            ? CocoDataset.open(data, images.get(), options)
            : CocoDataset.open(data, options);
      }
      default -> VocDataset.open(data, images, required(data, split), options);
    };
  }

  private static String required(Path data, Optional<String> split) {
    return split.orElseThrow(
        () ->
            new DataException(
                data
                    + ": a folder needs the name of a split; there is: "
                    + String.join(", ", splits(data, Optional.empty(), DatasetOptions.DEFAULT))));
  }

  private static CocoLayout layout(Path data, String split) {
    return CocoLayout.find(data, split)
        .orElseThrow(
            () ->
                new DataException(
                    "%s: there is no split '%s'; there is: %s"
                        .formatted(
                            data, split, String.join(", ", CocoLayout.splits(data).keySet()))));
  }

  /**
   * {@return whether a data set has a split of a name}
   *
   * @param data a folder; a file has no splits
   * @param images the folder of the images, if it is not a usual one
   * @param split the name
   * @param options the division of folders without lists
   * @throws DataException if the folder has neither format
   */
  public static boolean hasSplit(
      Path data, Optional<Path> images, String split, DatasetOptions options) {
    return Files.isDirectory(data)
        && (CocoLayout.find(data, split).isPresent()
            || splits(data, images, options).contains(split));
  }

  private static List<String> splits(Path data, Optional<Path> images, DatasetOptions options) {
    return formatOf(data) == DatasetFormat.COCO
        ? List.copyOf(CocoLayout.splits(data).keySet())
        : VocDataset.splits(data, images, options);
  }

  /**
   * {@return the format of a data set, determined from its path}
   *
   * @param data a folder or file
   * @throws DataException if it looks like neither
   */
  public static DatasetFormat formatOf(Path data) {
    if (Files.isDirectory(data)) {
      return CocoLayout.splits(data).isEmpty() ? DatasetFormat.VOC : DatasetFormat.COCO;
    }
    if (!Files.exists(data)) {
      throw new DataException(data + ": there is no such file or folder");
    }
    if (data.getFileName().toString().toLowerCase(Locale.ROOT).endsWith(".json")) {
      return DatasetFormat.COCO;
    }
    throw new DataException(
        data
            + ": is neither a folder nor a COCO .json file; "
            + (YoloLabels.isDescription(data)
                ? YoloLabels.ADVICE
                : "if it is COCO, say so with the format; if not, docs/faq.md says how to make"
                    + " one"));
  }
}
