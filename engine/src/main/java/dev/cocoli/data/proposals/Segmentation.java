package dev.cocoli.data.proposals;

/**
 * Which segment each pixel is of.
 *
 * @param labels [height x width], numbered from 0 in the order of the segments' first pixels
 * @param count how many segments
 */
record Segmentation(int[] labels, int count) {

  /**
   * Numbers the segments.
   *
   * @param parents a pixel of the same segment for each pixel, itself for one of each segment;
   *     overwritten
   */
  static Segmentation ofRoots(int[] parents) {
    int[] labels = new int[parents.length];
    int[] ofRoot = new int[parents.length];
    int count = 0;
    for (int i = 0; i < parents.length; i++) {
      int root = i;
      while (parents[root] != root) {
        root = parents[root];
      }
      parents[i] = root;
      if (ofRoot[root] == 0) {
        ofRoot[root] = ++count; // 0 is none yet
      }
      labels[i] = ofRoot[root] - 1;
    }
    return new Segmentation(labels, count);
  }
}
