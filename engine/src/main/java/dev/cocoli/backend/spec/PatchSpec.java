package dev.cocoli.backend.spec;

/**
 * Patches of feature maps around the locations of anchors.
 *
 * @param window extent of a patch along each axis, in pixels; odd
 * @param anchorsPerLocation anchors at each pixel of each map
 */
public record PatchSpec(int window, int anchorsPerLocation) {

  /** Checks the numbers. */
  public PatchSpec {
    if (window < 1 || window % 2 == 0 || anchorsPerLocation < 1) {
      throw new IllegalArgumentException(
          "no such patches: window " + window + ", anchors per location " + anchorsPerLocation);
    }
  }
}
