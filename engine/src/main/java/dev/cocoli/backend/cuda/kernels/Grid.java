package dev.cocoli.backend.cuda.kernels;

/**
 * How many threads run a kernel.
 *
 * @param x blocks along the first axis, which may be many
 * @param y blocks along the second axis, 65,535 at most
 * @param z blocks along the third axis, 65,535 at most
 * @param threads threads of a block, along one axis
 * @param sharedBytes memory that a block's threads share, beside what the kernel declares
 */
public record Grid(long x, long y, long z, int threads, int sharedBytes) {
  private static final long MAX_X = Integer.MAX_VALUE;
  private static final long MAX_YZ = 65_535;
  private static final int MAX_THREADS = 1024;

  /** Checks what every GPU demands. */
  public Grid {
    if (x < 1 || x > MAX_X || y < 1 || y > MAX_YZ || z < 1 || z > MAX_YZ) {
      throw new IllegalArgumentException("no grid: " + x + " x " + y + " x " + z + " blocks");
    }
    if (threads < 1 || threads > MAX_THREADS || sharedBytes < 0) {
      throw new IllegalArgumentException(
          "no block: " + threads + " threads, " + sharedBytes + " shared bytes");
    }
  }
}
