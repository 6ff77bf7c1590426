package dev.cocoli.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.Dataset;
import dev.cocoli.data.formats.VocDataset;
import dev.cocoli.data.image.Image;
import dev.cocoli.data.image.ImageDecoder;
import dev.cocoli.data.proposals.ProposalFile;
import dev.cocoli.data.proposals.SelectiveSearch;
import dev.cocoli.data.proposals.SelectiveSearchConfig;
import dev.cocoli.data.synthetic.ShapeScenes;
import dev.cocoli.data.synthetic.ShapeScenesConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Computes proposals of a small data set from the command line. */
class ProposalsCommandTest {
  @TempDir private Path folder;
  private Path data;
  private Path out;

  @BeforeEach
  void draw() throws IOException {
    data = folder.resolve("voc");
    out = folder.resolve("new/regions.bin");
    new ShapeScenes(ShapeScenesConfig.of(96, 64, 3)).writeVoc(data, 4, 2);
  }

  @Test
  @Tag("slow")
  void writesWhatTheSearchFinds() {
    Cli cli =
        Cli.run("proposals", "--data", data, "--split", "trainval", "--out", out, "--max", "30")
            .ok();
    assertTrue(cli.out().contains("6 images, "), cli.out());
    assertTrue(cli.out().contains(" of 22 objects have a region"), cli.out());
    SelectiveSearchConfig config = SelectiveSearchConfig.fast().withMaxProposals(30);
    Dataset images = VocDataset.open(data, "trainval");
    try (ProposalFile file = ProposalFile.read(out)) {
      file.requireFor(images);
      file.requireFor(VocDataset.open(data, "val"));
      assertEquals(config.settings(), file.settings());
      assertEquals(6, file.size());
      for (int i = 0; i < images.size(); i++) {
        AnnotatedImage annotated = images.get(i);
        try (Image image = new ImageDecoder().decode(annotated)) {
          assertEquals(new SelectiveSearch(config).propose(image), file.proposals(annotated));
        }
      }
    }
  }

  @Test
  @Tag("slow")
  void modeAndThreadsChangeWhatTheySay() throws IOException {
    Path one = folder.resolve("one");
    Path three = folder.resolve("three");
    Path quality = folder.resolve("quality");
    proposals("--out", one, "--threads", "1").ok();
    proposals("--out", three, "--threads", "3", "--mode", "FAST").ok();
    proposals("--out", quality, "--mode", "quality").ok();
    assertEquals(-1, Files.mismatch(one, three));
    assertTrue(Files.mismatch(one, quality) >= 0);
    try (ProposalFile file = ProposalFile.read(quality)) {
      assertTrue(file.settings().contains("quality"), file.settings());
    }
  }

  @Test
  void brokenImageIsNamedAndHasNoRegions() throws IOException {
    Dataset images = VocDataset.open(data, "train");
    AnnotatedImage broken = images.get(1);
    byte[] bytes = Files.readAllBytes(broken.path());
    Files.write(broken.path(), java.util.Arrays.copyOf(bytes, bytes.length / 2));
    Cli cli = proposals("--out", out).ok();
    assertEquals(1, cli.err().lines().count(), cli.err());
    assertTrue(cli.err().contains(broken.fileName()), cli.err());
    try (ProposalFile file = ProposalFile.read(out)) {
      file.requireFor(images);
      assertEquals(List.of(), file.proposals(broken));
      assertFalse(file.proposals(images.get(0)).isEmpty());
    }
  }

  @Test
  void wrongCommandLinesAreToldInOneLine() throws IOException {
    Cli.run("proposals", "--out", out).failed(2, "--data");
    Cli.run("proposals", "--data", data).failed(2, "--out");
    proposals("--out", out, "--max", "0").failed(2, "--max", "0");
    proposals("--out", out, "--threads", "0").failed(2, "--threads", "0");
    proposals("--out", out, "--mode", "slow").failed(2, "--mode", "slow");
    Cli.run("proposals", "--data", data, "--out", out).failed(1, "split");
    Cli.run("proposals", "--data", folder.resolve("none"), "--out", out).failed(1, "none");
    Cli.run("proposals", "--data", data, "--split", "tset", "--out", out).failed(1, "tset");
    Path file = Files.writeString(folder.resolve("file"), "");
    proposals("--out", file.resolve("x")).failed(1, "cannot write", file.toString());
    proposals("--out", folder).failed(1, "cannot write", "folder");
    assertFalse(Files.exists(out));
  }

  private Cli proposals(Object... options) {
    Object[] all = new Object[options.length + 5];
    System.arraycopy(new Object[] {"proposals", "--data", data, "--split", "train"}, 0, all, 0, 5);
    System.arraycopy(options, 0, all, 5, options.length);
    return Cli.run(all);
  }
}
