package dev.cocoli.train.checkpoint;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import dev.cocoli.detection.LossValues;
import dev.cocoli.eval.CocoMetrics.ClassAp;
import dev.cocoli.files.OutputFile;
import dev.cocoli.train.EvaluationReport;
import dev.cocoli.train.StepReport;
import dev.cocoli.train.StepTimes;
import dev.cocoli.train.TrainingException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Map;

/**
 * The metrics of a run: a line of JSON for each logged step and each evaluation. Holding the file
 * open keeps a second run from writing to the same folder.
 */
public final class MetricsLog implements AutoCloseable {
  private static final JsonFactory JSON = new JsonFactory();

  private final Path file;
  private final FileChannel channel;

  /** Whether all lines were written; a checkpoint without one would lack it for ever. */
  private boolean isWhole = true;

  /** Writes the fields of a line. */
  @FunctionalInterface
  private interface Fields {
    void writeTo(JsonGenerator json) throws IOException;
  }

  /**
   * Opens the file.
   *
   * @param file the file, made if need be
   * @throws TrainingException if it cannot be written, or a run writes to it now
   */
  public MetricsLog(Path file) {
    this.file = file;
    FileChannel opened = null;
    try {
      opened = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      if (lock(opened) == null) {
        throw new TrainingException(
            "another run is writing to " + file.toAbsolutePath().getParent());
      }
      channel = opened;
    } catch (IOException e) {
      closeQuietly(opened, e);
      throw failure(e);
    } catch (TrainingException e) {
      closeQuietly(opened, e);
      throw e;
    }
  }

  /**
   * Cuts the lines after a checkpoint; new ones are added there.
   *
   * @param bytes length of what belongs to it
   */
  public void cut(long bytes) {
    try {
      channel.truncate(bytes);
      channel.position(channel.size());
    } catch (IOException e) {
      throw failure(e);
    }
  }

  private static FileLock lock(FileChannel channel) throws IOException {
    try {
      return channel.tryLock();
    } catch (OverlappingFileLockException e) {
      return null; // held by this very process
    }
  }

  private static void closeQuietly(FileChannel channel, Exception problem) {
    if (channel != null) {
      try {
        channel.close();
      } catch (IOException e) {
        problem.addSuppressed(e);
      }
    }
  }

  /**
   * Adds the line of a step.
   *
   * @param report the step
   * @param times of the steps since the line before, in the mean
   */
  void step(StepReport report, StepTimes times) {
    LossValues losses = report.losses();
    write(
        json -> {
          json.writeNumberField("step", report.step());
          for (Map.Entry<String, Float> loss : losses.byName().entrySet()) {
            json.writeNumberField(loss.getKey(), loss.getValue());
          }
          json.writeNumberField("loss", losses.total());
          json.writeNumberField("lr", report.learningRate());
          json.writeNumberField("seconds", times.meanSeconds());
          json.writeNumberField("data_wait_seconds", times.meanDataWaitSeconds());
          if (times.meanAllReduceSeconds() > 0) {
            json.writeNumberField("allreduce_seconds", times.meanAllReduceSeconds());
            json.writeNumberField("allreduce_hidden", times.allReduceHidden());
          }
        });
  }

  /**
   * Adds the line of an evaluation.
   *
   * @param report the evaluation
   */
  void evaluation(EvaluationReport report) {
    write(
        json -> {
          json.writeNumberField("epoch", report.epoch());
          json.writeNumberField("step", report.step());
          for (Map.Entry<String, Double> number : report.metrics().byName().entrySet()) {
            json.writeNumberField(number.getKey(), number.getValue());
          }
          json.writeArrayFieldStart("classes");
          for (ClassAp one : report.metrics().perClass()) {
            json.writeStartObject();
            json.writeStringField("category", one.category().name());
            json.writeNumberField("AP", one.ap());
            json.writeNumberField("AP50", one.ap50());
            json.writeEndObject();
          }
          json.writeEndArray();
        });
  }

  private void write(Fields fields) {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    try (JsonGenerator json = JSON.createGenerator(line)) {
      json.writeStartObject();
      json.writeStringField("time", Instant.now().truncatedTo(ChronoUnit.MILLIS).toString());
      fields.writeTo(json);
      json.writeEndObject();
      json.writeRaw('\n');
      json.flush();
      ByteBuffer bytes = ByteBuffer.wrap(line.toByteArray());
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
    } catch (IOException e) {
      isWhole = false;
      throw failure(e);
    }
  }

  /** Forces all lines to the disk and returns the file's length. */
  long force() {
    try {
      if (!isWhole) {
        throw new IOException("a line before is not whole");
      }
      channel.force(false);
      return channel.position();
    } catch (IOException e) {
      throw failure(e);
    }
  }

  private TrainingException failure(IOException e) {
    return new TrainingException("cannot write " + file + ": " + OutputFile.reason(e), e);
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw failure(e);
    }
  }
}
