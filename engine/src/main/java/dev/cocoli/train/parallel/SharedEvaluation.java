package dev.cocoli.train.parallel;

import dev.cocoli.Detector;
import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.Dataset;
import dev.cocoli.eval.CocoEvaluator;
import dev.cocoli.eval.CocoMetrics;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Detection;
import dev.cocoli.train.Evaluation;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.IntConsumer;

/**
 * An evaluation whose images the replicas share. Each runs the detector on its own; what all found
 * goes, bit for bit, to the first, which scores it as it would have scored its own.
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
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    boolean done;
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      int[] images = {0};
      done =
          shard.detect(
              detector,
              (image, found) -> {
                write(out, image, found);
                progress.accept(Math.min(data.size(), ++images[0] * replica.size()));
              },
              isCancelled);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    List<byte[]> all = replica.gather(done ? bytes.toByteArray() : new byte[0]);
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

  private static void write(DataOutputStream out, AnnotatedImage image, List<Detection> found) {
    try {
      out.writeLong(image.imageId());
      out.writeInt(found.size());
      for (Detection detection : found) {
        Box box = detection.box();
        out.writeFloat(box.x1());
        out.writeFloat(box.y1());
        out.writeFloat(box.x2());
        out.writeFloat(box.y2());
        out.writeInt(detection.label());
        out.writeFloat(detection.score());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private CocoMetrics score(List<byte[]> all) {
    Map<Long, AnnotatedImage> images = new HashMap<>();
    for (int i = 0; i < data.size(); i++) {
      images.put(data.get(i).imageId(), data.get(i));
    }
    CocoEvaluator evaluator = CocoEvaluator.ofClasses(data.classNames());
    for (byte[] bytes : all) {
      try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes))) {
        while (in.available() > 0) {
          AnnotatedImage image = images.get(in.readLong());
          evaluator.addImage(image.imageId(), Evaluation.objects(image));
          evaluator.addDetections(image.imageId(), read(in));
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return evaluator.evaluate();
  }

  private static List<Detection> read(DataInputStream in) throws IOException {
    int count = in.readInt();
    List<Detection> found = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      Box box = new Box(in.readFloat(), in.readFloat(), in.readFloat(), in.readFloat());
      found.add(new Detection(box, in.readInt(), in.readFloat()));
    }
    return found;
  }
}
