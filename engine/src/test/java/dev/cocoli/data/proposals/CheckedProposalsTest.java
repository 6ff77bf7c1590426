package dev.cocoli.data.proposals;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.DataException;
import dev.cocoli.data.image.Image;
import dev.cocoli.structures.Box;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Regions that cannot be used are clipped, dropped or an error. */
class CheckedProposalsTest {
  private static final AnnotatedImage IMAGE =
      new AnnotatedImage(1, "a.png", Path.of("some", "a.png"), 20, 10, List.of());

  private static List<Box> check(Box... regions) {
    ProposalSource source = (annotated, image) -> List.of(regions);
    try (Image image = Image.of(10, 20, new byte[600])) {
      return new CheckedProposals(source).proposals(IMAGE, image);
    }
  }

  @Test
  void wholeImageAndNoneAreFine() {
    Box whole = new Box(0, 0, 20, 10);
    assertEquals(List.of(whole), check(whole));
    assertEquals(List.of(), check());
  }

  @Test
  void refusesWhatHasNoAreaOrIsNoNumber() {
    for (Box box :
        List.of(
            new Box(-3, -1, 5, 10),
            new Box(3, 3, 3, 9),
            new Box(Float.NaN, 0, 5, 5),
            new Box(30, 2, 40, 8))) {
      assertThrows(DataException.class, () -> check(box), box.toString());
    }
  }

  @Test
  void namesTheImageAndTheRegion() {
    DataException e =
        assertThrows(DataException.class, () -> check(new Box(0, 0, 1, 1), new Box(0, 0, 21, 5)));
    assertTrue(e.getMessage().contains("a.png: the proposed region 1 (0.0, 0.0, 21.0, 5.0)"));
    assertTrue(e.getMessage().contains("20 x 10"), e.getMessage());
  }
}
