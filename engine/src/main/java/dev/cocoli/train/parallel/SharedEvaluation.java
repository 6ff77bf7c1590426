package dev.cocoli.train.parallel;

import dev.cocoli.Detector;
import dev.cocoli.data.Dataset;
import dev.cocoli.eval.CocoEvaluator;
import dev.cocoli.eval.CocoMetrics;
import dev.cocoli.train.Evaluation;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.IntConsumer;

/**
 * An evaluation whose images the replicas share. Each runs the detector on its own images and
 * matches its detections with their objects; the matches go, bit for bit, to the first replica,
 * which scores them as it would have scored its own.
 */
public final class SharedEvaluation {
  private final Dataset data;
  private final Replica replica;

  /**
   * Prepares it.
   *
   * @param data all images
   * @param replica whose shard is done here
   */
  public SharedEvaluation(Dataset data, Replica replica) {
    this.data = data;
    this.replica = replica;
  }

  /**
   * What all agree on.
   *
   * @param ap the AP
   * @param metrics all numbers, for the first replica
   */
  public record Scores(double ap, Optional<CocoMetrics> metrics) {}

  /**
   * Scores a detector; nothing if a replica was told to stop.
   *
   * @param shard finds what is on this replica's images
   * @param detector the detector
   * @param isCancelled asked before each batch
   * @param progress told how many of all images are done, about
   * @return the scores, or nothing
   */
  public Optional<Scores> run(
      Evaluation shard, Detector detector, BooleanSupplier isCancelled, IntConsumer progress) {
    CocoEvaluator own = CocoEvaluator.ofClasses(data.classNames());
    int[] images = {0};
    boolean done =
        shard.detect(
            detector,
            (image, found) -> {
              Evaluation.add(own, image, found);
              progress.accept(Math.min(data.size(), ++images[0] * replica.size()));
            },
            isCancelled);
    List<byte[]> all = replica.gather(done ? own.matches() : new byte[0]);
    List<byte[]> stops = replica.gather(new byte[] {(byte) (done ? 0 : 1)});
    if (stops.stream().anyMatch(stop -> stop[0] != 0)) {
      return Optional.empty();
    }
    Optional<CocoMetrics> metrics = replica.isFirst() ? Optional.of(score(all)) : Optional.empty();
    byte[] ap = new byte[Double.BYTES];
    metrics.ifPresent(found -> ByteBuffer.wrap(ap).putDouble(found.ap()));
    return Optional.of(
        new Scores(ByteBuffer.wrap(replica.gather(ap).getFirst()).getDouble(), metrics));
  }

  private CocoMetrics score(List<byte[]> all) {
    CocoEvaluator evaluator = CocoEvaluator.ofClasses(data.classNames());
    all.forEach(evaluator::merge);
    return evaluator.evaluate();
  }
}
