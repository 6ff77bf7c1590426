package dev.cocoli.benchmarks;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.data.Dataset;
import dev.cocoli.data.formats.VocDataset;
import dev.cocoli.data.image.Image;
import dev.cocoli.data.image.ImageDecoder;
import dev.cocoli.data.proposals.ProposalSource;
import dev.cocoli.data.proposals.SelectiveSearch;
import dev.cocoli.data.proposals.SelectiveSearchConfig;
import dev.cocoli.data.proposals.SelectiveSearchMode;
import dev.cocoli.data.synthetic.ShapeScene;
import dev.cocoli.data.synthetic.ShapeScenes;
import dev.cocoli.data.synthetic.ShapeScenesConfig;
import dev.cocoli.eval.ProposalRecall;
import dev.cocoli.structures.Box;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;

/**
 * Compares the recall of selective search with that of OpenCV's on the same images: the first ones
 * of the blood cells' test split, and generated scenes of 500 x 375. It prints a table, and writes
 * one line per image to {@code target/opencv.csv}, of which the engine's tests keep a copy.
 *
 * <p>{@code mvn -Popencv -pl benchmarks -am test -Dtest=OpenCvComparisonTest
 * -Dsurefire.failIfNoSpecifiedTests=false -Dcocoli.bccd=FOLDER}; {@code -Dcocoli.images=50} sets
 * the number of each, {@code -Dcocoli.mode=fast} the mode.
 */
class OpenCvComparisonTest {
  private static final int MOST = 2000;

  private record Sample(String name, Image image, List<Box> groundTruth) {}

  private final int count = Integer.getInteger("cocoli.images", 50);
  private final SelectiveSearchMode mode =
      SelectiveSearchMode.valueOf(
          System.getProperty("cocoli.mode", "fast").toUpperCase(Locale.ROOT));
  private final List<String> lines = new ArrayList<>(List.of("image,objects,found,overlap"));

  @Test
  void coversNoLessThanOpenCv() throws IOException {
    Path bccd = Path.of(System.getProperty("cocoli.bccd", "../../shared/data/bccd"));
    compare("bccd", cells(bccd));
    compare("scenes", scenes());
    Files.write(Files.createDirectories(Path.of("target")).resolve("opencv.csv"), lines);
  }

  private List<Sample> cells(Path folder) {
    Dataset data = VocDataset.open(folder, "test");
    List<Sample> samples = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      Image image = new ImageDecoder().decode(data.get(i));
      samples.add(new Sample(data.get(i).fileName(), image, data.get(i).target().boxes()));
    }
    return samples;
  }

  private List<Sample> scenes() {
    ShapeScenes scenes = new ShapeScenes(ShapeScenesConfig.of(500, 375, 1));
    List<Sample> samples = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      ShapeScene scene = scenes.scene(i);
      samples.add(new Sample("scene " + i, Image.of(scene.image()), scene.target().boxes()));
    }
    return samples;
  }

  private void compare(String set, List<Sample> samples) {
    SelectiveSearch ours =
        new SelectiveSearch(SelectiveSearchConfig.of(mode).withMaxProposals(MOST));
    ProposalSource theirs = new OpenCvSelectiveSearch(mode == SelectiveSearchMode.FAST, MOST);
    ours.propose(samples.getFirst().image()); // warm-up
    ProposalRecall found = measure(set, "cocoli", ours, samples, false);
    ProposalRecall other = measure(set, "OpenCV", theirs, samples, true);
    samples.forEach(sample -> sample.image().close());
    assertTrue(found.recall(0.5) >= other.recall(0.5), set + ": recall at IoU 0.5");
    assertTrue(found.meanBestOverlap() >= other.meanBestOverlap(), set + ": mean best overlap");
  }

  private ProposalRecall measure(
      String set, String name, ProposalSource source, List<Sample> samples, boolean kept) {
    ProposalRecall all = new ProposalRecall();
    double seconds = 0;
    for (Sample sample : samples) {
      long began = System.nanoTime();
      List<Box> boxes = source.proposals(null, sample.image());
      seconds += (System.nanoTime() - began) / 1e9;
      all.add(sample.groundTruth(), boxes);
      if (kept) {
        ProposalRecall one = new ProposalRecall();
        one.add(sample.groundTruth(), boxes);
        double overlap = one.objects() == 0 ? 0 : one.meanBestOverlap() * one.objects();
        lines.add(
            String.format(
                Locale.ROOT,
                "%s,%d,%d,%.6f",
                sample.name(),
                one.objects(),
                one.found(0.5),
                overlap));
      }
    }
    System.out.printf(
        Locale.ROOT,
        "%-7s %-7s %s  objects %4d  recall@0.5 %.4f  mean best overlap %.4f  boxes %6.1f  s %.3f%n",
        set,
        mode.name().toLowerCase(Locale.ROOT),
        name,
        all.objects(),
        all.recall(0.5),
        all.meanBestOverlap(),
        (double) all.proposals() / samples.size(),
        seconds / samples.size());
    return all;
  }
}
