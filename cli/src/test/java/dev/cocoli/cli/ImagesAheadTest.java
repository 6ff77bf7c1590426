package dev.cocoli.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.cli.ImagesAhead.Decoded;
import dev.cocoli.data.image.Image;
import dev.cocoli.data.image.ImageDecodeException;
import dev.cocoli.data.proposals.ProposalSource;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Images that are decoded ahead: in order, a few at a time, and none left in memory. */
class ImagesAheadTest {
  private static final int IMAGES = 12;
  private static final int MOST = 3;
  private static final long WAIT_SECONDS = 60;

  @TempDir private Path folder;
  private List<Path> files;
  private long allocatedBefore;

  @BeforeEach
  void makeImages() throws IOException {
    files = new ArrayList<>();
    for (int i = 0; i < IMAGES; i++) {
      Path file = folder.resolve(i + ".png");
      ImageIO.write(new BufferedImage(8 + i, 4, BufferedImage.TYPE_INT_RGB), "png", file.toFile());
      files.add(file);
    }
    allocatedBefore = Image.allocatedByteSize();
  }

  private ImagesAhead ahead(int threads, ProposalSource proposals) {
    return new ImagesAhead(DetectedImages.of(files), proposals, MOST, threads);
  }

  @Test
  void imagesComeInOrderAndBrokenOnesInTheirPlace() throws IOException {
    Files.writeString(files.get(4), "no image");
    Files.delete(files.get(IMAGES - 1));
    for (int threads : List.of(1, 4)) {
      try (ImagesAhead ahead = ahead(threads, (known, image) -> List.of())) {
        for (int i = 0; i < IMAGES; i++) {
          assertTrue(ahead.hasNext());
          if (i == 4 || i == IMAGES - 1) {
            ImageDecodeException e = assertThrows(ImageDecodeException.class, ahead::next);
            assertTrue(e.getMessage().contains(files.get(i).toString()), e.getMessage());
            continue;
          }
          try (Decoded decoded = ahead.next()) {
            assertEquals(i, decoded.index());
            assertEquals(8 + i, decoded.image().width());
            assertEquals(files.get(i), decoded.known().path());
            assertEquals(i, decoded.known().imageId());
          }
        }
        assertFalse(ahead.hasNext());
      }
      assertEquals(allocatedBefore, Image.allocatedByteSize());
    }
  }

  @Test
  void aFewAreDecodedAheadAndNoMore() throws Exception {
    AtomicInteger taken = new AtomicInteger();
    AtomicInteger decoded = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    CountDownLatch first = new CountDownLatch(MOST);
    ProposalSource counting =
        (known, image) -> {
          most.accumulateAndGet(decoded.incrementAndGet() - taken.get(), Math::max);
          first.countDown();
          return List.of();
        };
    try (ImagesAhead ahead = ahead(2, counting)) {
      assertTrue(first.await(WAIT_SECONDS, TimeUnit.SECONDS), "nothing is decoded ahead");
      while (ahead.hasNext()) {
        taken.incrementAndGet();
        ahead.next().close();
      }
    }
    assertEquals(IMAGES, decoded.get());
    assertEquals(MOST, most.get());
  }

  @Test
  void whatNobodyTookIsFreed() {
    AtomicInteger found = new AtomicInteger();
    try (ImagesAhead ahead =
        ahead(
            2,
            (known, image) -> {
              if (found.incrementAndGet() == 3) {
                throw new IllegalStateException("no regions");
              }
              return List.of();
            })) {
      ahead.next().close();
    }
    assertEquals(allocatedBefore, Image.allocatedByteSize());
  }

  /** Two images at once may not fit into the heap where each alone does. */
  @Test
  void anImageThatDoesNotFitBesideOthersIsDecodedAlone() {
    AtomicInteger tries = new AtomicInteger();
    ProposalSource tight =
        (known, image) -> {
          if (known.imageId() == 1 && tries.incrementAndGet() == 1) {
            throw new OutOfMemoryError("Java heap space");
          }
          return List.of();
        };
    try (ImagesAhead ahead = ahead(2, tight)) {
      for (int i = 0; i < IMAGES; i++) {
        try (Decoded decoded = ahead.next()) {
          assertEquals(i, decoded.index());
        }
      }
    }
    assertEquals(2, tries.get());
    assertEquals(allocatedBefore, Image.allocatedByteSize());
  }
}
