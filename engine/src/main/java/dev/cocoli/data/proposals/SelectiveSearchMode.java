package dev.cocoli.data.proposals;

/** How many ways of grouping are combined: "fast" and "quality" of the paper's table 5. */
public enum SelectiveSearchMode {
  /** Two colour spaces, two similarities, two scales: 8 groupings. */
  FAST,
  /** Five colour spaces, four similarities, four scales: 80 groupings. */
  QUALITY
}
