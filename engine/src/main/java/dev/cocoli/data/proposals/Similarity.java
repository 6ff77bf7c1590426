package dev.cocoli.data.proposals;

/** The sum of some of the four measures of similarity (Uijlings et al., section 4.2.2). */
enum Similarity {
  COLOUR_TEXTURE_SIZE_FILL(true, true, true, true),
  TEXTURE_SIZE_FILL(false, true, true, true),
  FILL(false, false, false, true),
  SIZE(false, false, true, false);

  final boolean colour;
  final boolean texture;
  final boolean size;
  final boolean fill;

  Similarity(boolean colour, boolean texture, boolean size, boolean fill) {
    this.colour = colour;
    this.texture = texture;
    this.size = size;
    this.fill = fill;
  }
}
