package dev.cocoli.backend.cuda;

import dev.cocoli.backend.cuda.compile.CodeTarget;
import java.util.Arrays;

/**
 * A GPU's compute capability: what machine code it runs.
 *
 * @param major 9 of 9.0
 * @param minor 0 of 9.0
 */
public record ComputeCapability(int major, int minor) {

  /** Returns the compute capability of a number as compilers count them, 90 for 9.0. */
  public static ComputeCapability ofNumber(int number) {
    return new ComputeCapability(number / 10, number % 10);
  }

  /** Returns 90 for 9.0. */
  public int number() {
    return 10 * major + minor;
  }

  /**
   * Returns what a compiler should make for this GPU. Machine code runs on its own major version
   * from its minor version on; where the compiler knows none such, the newest of its intermediate
   * code is translated by the driver.
   *
   * @param supported what the compiler makes, as numbers, in any order
   * @throws IllegalArgumentException if the GPU is older than all of it
   */
  public CodeTarget target(int[] supported) {
    int machine =
        Arrays.stream(supported)
            .filter(number -> number / 10 == major && number <= number())
            .max()
            .orElse(-1);
    if (machine >= 0) {
      return new CodeTarget(ofNumber(machine), CodeTarget.Form.CUBIN);
    }
    int older = Arrays.stream(supported).filter(number -> number < number()).max().orElse(-1);
    if (older < 0) {
      throw new IllegalArgumentException(
          "a GPU of compute capability "
              + this
              + " is older than NVRTC compiles for, which begins at "
              + ofNumber(Arrays.stream(supported).min().orElse(0))
              + "; install the libraries of an older CUDA release (12.8 is the first that is"
              + " used)");
    }
    return new CodeTarget(ofNumber(older), CodeTarget.Form.PTX);
  }

  @Override
  public String toString() {
    return major + "." + minor;
  }
}
