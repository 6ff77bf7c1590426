package dev.cocoli.backend.cuda.kernels;

import dev.cocoli.tensor.Tensor;

/**
 * A kernel whose threads have neighbouring channels of a pixel each, in two forms: {@code name} for
 * one channel, {@code name_wide} for as many as 16 bytes hold.
 *
 * @param narrow one channel
 * @param wide 16 bytes of channels
 */
record ChannelPacks(Kernel.Floats narrow, Kernel.Floats wide) {
  private static final int BYTES = 16;

  /**
   * What fits some tensors.
   *
   * @param kernel the kernel
   * @param width how many channels a thread has
   */
  record Choice(Kernel kernel, int width) {}

  static ChannelPacks of(String file, String name) {
    return new ChannelPacks(Kernel.floats(file, name), Kernel.floats(file, name + "_wide"));
  }

  /**
   * Chooses the form.
   *
   * @param map a tensor whose last axis is the channels, F32 or BF16
   * @param others with as many channels, of any type; some may be null
   */
  Choice choose(Tensor map, Tensor... others) {
    int width = BYTES / map.dtype().byteSize();
    boolean fits = map.dim(-1) % width == 0 && isAligned(map, width);
    for (Tensor other : others) {
      fits &= other == null || isAligned(other, width);
    }
    return fits ? new Choice(wide.of(map.dtype()), width) : new Choice(narrow.of(map.dtype()), 1);
  }

  private static boolean isAligned(Tensor tensor, int width) {
    return tensor.segment().address() % ((long) width * tensor.dtype().byteSize()) == 0;
  }
}
