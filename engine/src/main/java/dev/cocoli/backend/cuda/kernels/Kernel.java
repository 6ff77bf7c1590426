package dev.cocoli.backend.cuda.kernels;

import dev.cocoli.tensor.DType;

/**
 * A kernel by name.
 *
 * @param file the file that has it, {@code region} for {@code region.cu}
 * @param name its name there
 */
public record Kernel(String file, String name) {

  /** A kernel that exists for activations in fp32 and in bf16, {@code name_f32} and so on. */
  record Floats(Kernel f32, Kernel bf16) {
    /** Returns the one for a type of element. */
    Kernel of(DType dtype) {
      return switch (dtype) {
        case F32 -> f32;
        case BF16 -> bf16;
        default -> throw new IllegalArgumentException("no " + f32.name() + " for " + dtype);
      };
    }
  }

  static Floats floats(String file, String name) {
    return new Floats(new Kernel(file, name + "_f32"), new Kernel(file, name + "_bf16"));
  }
}
