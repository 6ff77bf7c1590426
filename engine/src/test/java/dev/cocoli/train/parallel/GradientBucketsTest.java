package dev.cocoli.train.parallel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.backend.spec.SampleKey;
import dev.cocoli.data.Batch;
import dev.cocoli.data.DataLoader;
import dev.cocoli.data.DataLoaderConfig;
import dev.cocoli.data.Epoch;
import dev.cocoli.data.Shard;
import dev.cocoli.detection.DetectionModel;
import dev.cocoli.distributed.Communicator;
import dev.cocoli.nn.Norm;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.Tape;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Precision;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.train.DeviceBatch;
import dev.cocoli.train.RectangleData;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Gradients of parts of a batch, averaged, are those of the batch. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
@Tag("slow")
class GradientBucketsTest {
  private static final int BATCH = 4;

  @TempDir private Path folder;
  private RectangleData data;

  /** Notes what is sent; sends nothing. */
  private static final class Notes implements Communicator {
    final List<Long> sent = new ArrayList<>();
    int sentDuringBackward;

    @Override
    public int rank() {
      return 0;
    }

    @Override
    public int size() {
      return 2;
    }

    @Override
    public void startAllReduce(Tensor x, Reduction reduction) {
      assertEquals(Reduction.MEAN, reduction);
      sent.add(x.elementCount());
    }

    @Override
    public void awaitAllReduces() {}

    @Override
    public void broadcast(Tensor x, int root) {}

    @Override
    public List<byte[]> allGather(byte[] value) {
      return List.of(value, value);
    }

    @Override
    public void barrier() {}

    @Override
    public void abort(String reason) {}

    @Override
    public void close() {}
  }

  /** Once, because ranks that drew them would write files that the others read. */
  @BeforeEach
  void drawImages() throws IOException {
    data = RectangleData.draw(folder.resolve("train"), 7, 1);
  }

  /** The gradients of a rank's part of the first batch. */
  private float[] gradients(Backend backend, Communicator ranks, int size, Precision wire)
      throws Exception {
    DetectionModel model = ReplicaRuns.model(Norm.Type.FROZEN).build();
    DataLoaderConfig loading = DataLoaderConfig.of(BATCH).withReplica(ranks.rank(), size);
    try (ParameterArena parameters = ParameterArena.forTraining(backend, model);
        DataLoader loader = new DataLoader(data, loading, warning -> {});
        Epoch epoch = loader.epoch(0, 0);
        Batch batch = epoch.next();
        DeviceBatch uploaded = DeviceBatch.upload(backend, backend.pool(), batch);
        TensorScope scope = new TensorScope(backend.pool())) {
      parameters.initialize(3);
      Shard shard = batch.shard();
      assertEquals(BATCH / size, shard.count());
      GradientBuckets buckets =
          new GradientBuckets(parameters, ranks, ReplicaRuns.PARALLEL.withWire(wire));
      assertTrue(buckets.buckets().size() > 3, "too few buckets to show anything");
      Ops ops = new Ops(backend, scope, new Tape());
      backend.copies().fill(parameters.gradients(), 0);
      buckets.begin(ops, 1);
      long seed = DetectionModel.seedOfPart(SampleKey.mix(5), shard.first());
      model.loss(ops, uploaded.inputs(), batch.targets(), seed);
      ops.backward();
      if (ranks instanceof Notes notes) {
        notes.sentDuringBackward = notes.sent.size();
      }
      buckets.finish();
      return ops.download(parameters.gradients());
    }
  }

  @Test
  void twoHalvesAreTheWhole() throws Exception {
    float[] whole;
    try (Backend backend = Backends.open(Device.CPU)) {
      whole = gradients(backend, new Notes(), 1, Precision.FP32);
    }
    List<Backend> backends = new ArrayList<>();
    try (ExecutorService threads = Executors.newFixedThreadPool(2)) {
      backends.add(Backends.open(Device.CPU));
      backends.add(Backends.open(Device.CPU));
      List<Communicator> ranks = Backends.connect(backends, Duration.ofMinutes(2));
      List<Future<float[]>> halves = new ArrayList<>();
      for (int rank = 0; rank < 2; rank++) {
        Communicator own = ranks.get(rank);
        Backend backend = backends.get(rank);
        halves.add(
            threads.submit(
                () -> {
                  try (own) {
                    return gradients(backend, own, 2, Precision.FP32);
                  }
                }));
      }
      float[] first = halves.get(0).get();
      assertArrayEquals(first, halves.get(1).get(), 0, "the ranks' bits differ");
      double largest = 0;
      double difference = 0;
      for (int i = 0; i < whole.length; i++) {
        largest = Math.max(largest, Math.abs(whole[i]));
        difference = Math.max(difference, Math.abs(whole[i] - first[i]));
      }
      assertTrue(largest > 1e-2, "there are gradients, up to " + largest);
      assertTrue(difference <= 1e-6, "the gradients differ by " + difference);
    } finally {
      backends.forEach(Backend::close);
    }
  }

  @Test
  void bucketsCoverAllThatIsLearnedAndAreSentInOneOrder() throws Exception {
    Notes notes = new Notes();
    List<Long> expected = new ArrayList<>();
    try (Backend backend = Backends.open(Device.CPU)) {
      DetectionModel model = ReplicaRuns.model(Norm.Type.FROZEN).build();
      try (ParameterArena parameters = ParameterArena.forTraining(backend, model)) {
        GradientBuckets buckets = new GradientBuckets(parameters, notes, ReplicaRuns.PARALLEL);
        long end = parameters.gradients().byteSize();
        for (Tensor bucket : buckets.buckets()) { // from the end to the beginning, without a gap
          assertEquals(end, bucket.byteOffset() + bucket.byteSize());
          end = bucket.byteOffset();
          expected.add(bucket.elementCount());
          boolean isOneParameter =
              parameters.learned().stream()
                  .anyMatch(one -> one.gradient().byteSize() > bucket.byteSize() - 64);
          assertTrue(bucket.byteSize() <= 40_000 || isOneParameter, bucket.toString());
        }
        assertEquals(0, end);
        long learned =
            model.namedParameters().values().stream()
                .filter(parameter -> parameter.isTrainable())
                .mapToLong(parameter -> parameter.shape().elementCount())
                .sum();
        long sent = expected.stream().mapToLong(Long::longValue).sum();
        assertTrue(
            sent >= learned && sent < learned + 16L * parameters.learned().size(),
            "frozen parameters travel: " + sent + " of " + learned);
      }
      gradients(backend, notes, 1, Precision.FP32);
    }
    assertEquals(expected, notes.sent);
    assertTrue(
        notes.sentDuringBackward >= notes.sent.size() - 1,
        notes.sentDuringBackward + " of " + notes.sent.size() + " were sent in the backward pass");
  }

  /** A step that uses nothing sends the same. */
  @Test
  void whatIsNotUsedIsSentBehindTheBackwardPass() throws Exception {
    Notes used = new Notes();
    Notes unused = new Notes();
    try (Backend backend = Backends.open(Device.CPU)) {
      gradients(backend, used, 1, Precision.FP32);
      DetectionModel model = ReplicaRuns.model(Norm.Type.FROZEN).build();
      try (ParameterArena parameters = ParameterArena.forTraining(backend, model);
          TensorScope scope = new TensorScope(backend.pool())) {
        GradientBuckets buckets = new GradientBuckets(parameters, unused, ReplicaRuns.PARALLEL);
        Ops ops = new Ops(backend, scope, new Tape());
        backend.copies().fill(parameters.gradients(), 0);
        buckets.begin(ops, 0);
        ops.backward();
        assertEquals(Collections.emptyList(), unused.sent);
        buckets.finish();
      }
    }
    assertEquals(used.sent, unused.sent);
  }
}
