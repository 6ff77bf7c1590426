package dev.cocoli.train;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.data.Batch;
import dev.cocoli.data.Shard;
import dev.cocoli.data.image.Image;
import dev.cocoli.detection.Inputs;
import dev.cocoli.structures.Target;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * A batch on the device, ready for a {@link TrainingStep}. Closing it frees the images there, once
 * a step that used them has been waited for.
 *
 * @param shard which part of the whole batch this is
 * @param inputs the images, as they came from their files, and proposals
 * @param targets boxes and labels of each image
 * @param fileNames for messages; empty where the images are of no data set
 * @param memory where the images lie
 */
public record DeviceBatch(
    Shard shard, Inputs inputs, List<Target> targets, List<String> fileNames, TensorScope memory)
    implements AutoCloseable {

  /**
   * {@return a batch that is sent to the device; its images may be closed then}
   *
   * @param backend where
   * @param pool where the memory comes from
   * @param batch what; images U8 {@code [h,w,3]}
   */
  public static DeviceBatch upload(Backend backend, BufferPool pool, Batch batch) {
    TensorScope memory = new TensorScope(pool);
    try {
      List<Tensor> images = new ArrayList<>();
      for (Image image : batch.images()) {
        Tensor tensor = memory.allocate(DType.U8, image.height(), image.width(), 3);
        image.withPixels(pixels -> backend.transfers().upload(pixels, tensor));
        images.add(tensor);
      }
      return new DeviceBatch(
          batch.shard(),
          new Inputs(images, batch.proposals()),
          batch.targets(),
          batch.fileNames(),
          memory);
    } catch (RuntimeException | Error e) {
      memory.close();
      throw e;
    }
  }

  @Override
  public void close() {
    memory.close();
  }
}
