package dev.cocoli.data.proposals;

import java.util.List;

/** The set of groupings that are combined: "fast" and "quality" of the paper's table 5. */
public enum SelectiveSearchMode {
  /** Two colour spaces, two similarities, two scales: 8 groupings. */
  FAST(
      List.of(ColourSpace.HSV, ColourSpace.LAB),
      List.of(Similarity.COLOUR_TEXTURE_SIZE_FILL, Similarity.TEXTURE_SIZE_FILL),
      List.of(50, 100)),
  /** Five colour spaces, four similarities, four scales: 80 groupings. */
  QUALITY(
      List.of(
          ColourSpace.HSV,
          ColourSpace.LAB,
          ColourSpace.RGI,
          ColourSpace.HUE,
          ColourSpace.INTENSITY),
      List.of(
          Similarity.COLOUR_TEXTURE_SIZE_FILL,
          Similarity.TEXTURE_SIZE_FILL,
          Similarity.FILL,
          Similarity.SIZE),
      List.of(50, 100, 150, 300));

  private final List<ColourSpace> colourSpaces;
  private final List<Similarity> similarities;
  private final List<Integer> scales;

  SelectiveSearchMode(
      List<ColourSpace> colourSpaces, List<Similarity> similarities, List<Integer> scales) {
    this.colourSpaces = colourSpaces;
    this.similarities = similarities;
    this.scales = scales;
  }

  List<ColourSpace> colourSpaces() {
    return colourSpaces;
  }

  List<Similarity> similarities() {
    return similarities;
  }

  /** The segmentation's k, in grey levels of 255; also the least size of a segment in pixels. */
  List<Integer> scales() {
    return scales;
  }
}
