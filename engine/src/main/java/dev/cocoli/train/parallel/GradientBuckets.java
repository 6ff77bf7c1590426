package dev.cocoli.train.parallel;

import dev.cocoli.backend.Backend;
import dev.cocoli.distributed.Communicator;
import dev.cocoli.distributed.Communicator.Reduction;
import dev.cocoli.nn.Parameter;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.ops.Ops;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Precision;
import dev.cocoli.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Averages gradients over the replicas while the backward pass still runs. The arena is cut into
 * ranges from its end to its beginning, because the backward pass comes to the layers that were
 * registered last first; a range is reduced, in place, once all its gradients are complete.
 *
 * <p>Ranges are sent in one order whatever the data: a range waits for those before it, and what
 * did not become complete, such as the gradients of layers that a step did not use, is sent after
 * the backward pass. So every rank issues the same collectives.
 */
final class GradientBuckets {
  private final Backend backend;
  private final ParameterArena parameters;
  private final Communicator communicator;
  private final Precision wire;
  private final List<Tensor> buckets = new ArrayList<>();
  private final Map<Parameter, Integer> bucketOf = new HashMap<>();
  private final int[] sizes;

  /** Parameters of each bucket whose gradients are not complete yet. */
  private final int[] missing;

  /** What travels instead of a bucket, where it is cast. */
  private final Tensor[] sent;

  private int next;
  private Ops ops;
  private double weight;

  /**
   * Cuts an arena.
   *
   * @param parameters the arena
   * @param communicator the way to the others
   * @param config size of the buckets, format
   */
  GradientBuckets(ParameterArena parameters, Communicator communicator, ParallelConfig config) {
    this.backend = parameters.backend();
    this.parameters = parameters;
    this.communicator = communicator;
    this.wire = config.wire();
    cut(config.bucketBytes());
    sizes = new int[buckets.size()];
    bucketOf.values().forEach(bucket -> sizes[bucket]++);
    missing = new int[buckets.size()];
    sent = new Tensor[buckets.size()];
  }

  /**
   * Cuts between layers only: a layer's bias becomes complete with its weight, which may be large,
   * and would hold up the range before.
   */
  private void cut(long bucketBytes) {
    List<Long> layers = layerOffsets();
    long end = parameters.gradients().byteSize();
    for (int i = layers.size() - 1; i >= 0; i--) {
      long begin = layers.get(i);
      if (i == 0 || end - layers.get(i - 1) > bucketBytes) {
        buckets.add(parameters.gradients().rows(begin / Float.BYTES, (end - begin) / Float.BYTES));
        end = begin;
      }
    }
    for (Parameter parameter : parameters.learned()) {
      long at = parameter.gradient().byteOffset();
      int bucket = 0;
      while (buckets.get(bucket).byteOffset() > at) {
        bucket++;
      }
      bucketOf.put(parameter, bucket);
    }
  }

  /** Where the gradients of each layer that learns begin. */
  private List<Long> layerOffsets() {
    List<Long> offsets = new ArrayList<>();
    String layer = null;
    for (Map.Entry<String, Parameter> named : parameters.module().namedParameters().entrySet()) {
      String name = named.getKey().substring(0, named.getKey().lastIndexOf('.') + 1);
      if (named.getValue().isTrainable() && !name.equals(layer)) {
        offsets.add(named.getValue().gradient().byteOffset());
        layer = name;
      }
    }
    return offsets;
  }

  /** {@return the ranges, in the order in which they are sent} */
  List<Tensor> buckets() {
    return buckets;
  }

  /**
   * Begins a step: watches the parameters.
   *
   * @param stepOps what the step is computed with
   * @param shardWeight what this rank's gradients count beside an equal shard
   */
  void begin(Ops stepOps, double shardWeight) {
    ops = stepOps;
    weight = shardWeight;
    next = 0;
    System.arraycopy(sizes, 0, missing, 0, sizes.length);
    parameters.watch(
        ops.tape(),
        parameter -> {
          int bucket = bucketOf.get(parameter);
          return () -> arrived(bucket);
        });
  }

  private void arrived(int bucket) {
    missing[bucket]--;
    while (next < buckets.size() && missing[next] == 0) {
      send(next++);
    }
  }

  private void send(int index) {
    Tensor bucket = buckets.get(index);
    weigh(bucket);
    sent[index] = bucket;
    if (wire == Precision.BF16) {
      sent[index] = ops.allocate(DType.BF16, bucket.elementCount());
      backend.copies().cast(bucket, sent[index]);
    }
    communicator.startAllReduce(sent[index], Reduction.MEAN);
  }

  /**
   * Averages a few numbers of the step as well, after the backward pass; the result is there after
   * {@link #finish}.
   *
   * @param numbers F32
   */
  void sendAlong(Tensor numbers) {
    sendRest();
    communicator.startAllReduce(numbers, Reduction.MEAN);
  }

  private void sendRest() {
    while (next < buckets.size()) {
      send(next++);
    }
  }

  /** Ends a step after the backward pass: from here on the gradients are those of all ranks. */
  void finish() {
    sendRest();
    communicator.awaitAllReduces();
    for (int i = 0; i < sent.length; i++) {
      if (sent[i] != buckets.get(i)) {
        backend.copies().cast(sent[i], buckets.get(i));
        ops.release(sent[i]);
      }
      sent[i] = null;
    }
    ops = null;
  }

  /**
   * Multiplies by this rank's weight, which is another number than 1 only in the last batch of an
   * epoch.
   *
   * @param x F32, overwritten
   */
  void weigh(Tensor x) {
    if (weight != 1) {
      backend.updates().scale(x, (float) weight);
    }
  }
}
