package dev.cocoli.data.proposals;

/**
 * A division of an image into segments: the number of the segment of each pixel.
 *
 * @param labels [height x width], numbered from 0 in the order of the segments' first pixels
 * @param count the number of segments
 */
record Segmentation(int[] labels, int count) {

  /**
   * Numbers the segments.
   *
   * @param parents for each pixel another pixel of its segment; for one pixel of each segment
   *     itself; overwritten
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
        ofRoot[root] = ++count; // 0 means not numbered yet
      }
      labels[i] = ofRoot[root] - 1;
    }
    return new Segmentation(labels, count);
  }
}
