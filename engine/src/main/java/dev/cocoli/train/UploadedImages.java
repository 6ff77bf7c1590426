package dev.cocoli.train;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.data.Batch;
import dev.cocoli.data.image.Image;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * The images of a batch on the device, U8 {@code [h,w,3]} each. They go when this closes, which is
 * once a step that used them has been waited for.
 */
final class UploadedImages implements AutoCloseable {
  private final TensorScope scope;
  private final Batch batch;
  private final List<Tensor> tensors = new ArrayList<>();

  /**
   * Sends images to the device; the batch is closed, and has its names, objects and regions still.
   *
   * @param backend where
   * @param pool where the memory comes from
   * @param batch what
   */
  UploadedImages(Backend backend, BufferPool pool, Batch batch) {
    this.batch = batch;
    scope = new TensorScope(pool);
    try (batch) {
      for (Image image : batch.images()) {
        Tensor tensor = scope.allocate(DType.U8, image.height(), image.width(), 3);
        backend.transfers().upload(image.pixels(), tensor);
        tensors.add(tensor);
      }
    } catch (RuntimeException | Error e) {
      scope.close();
      throw e;
    }
  }

  /** Returns whether these are the images of a batch. */
  boolean areOf(Batch other) {
    return batch == other;
  }

  /** Returns the images in the batch's order. */
  List<Tensor> tensors() {
    return tensors;
  }

  @Override
  public void close() {
    scope.close();
  }
}
