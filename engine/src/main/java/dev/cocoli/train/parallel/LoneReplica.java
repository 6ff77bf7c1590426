package dev.cocoli.train.parallel;

import dev.cocoli.nn.ParameterArena;
import dev.cocoli.tensor.Device;
import dev.cocoli.train.Progress;
import java.util.List;
import java.util.function.BooleanSupplier;

/**
 * A run on one device: nobody has to agree.
 *
 * @param device the device
 */
public record LoneReplica(Device device) implements Replica {
  @Override
  public int rank() {
    return 0;
  }

  @Override
  public int size() {
    return 1;
  }

  @Override
  public int localSize() {
    return 1;
  }

  @Override
  public String devices() {
    return device.toString();
  }

  @Override
  public Progress begin(ParameterArena parameters, Progress progress) {
    return progress;
  }

  @Override
  public StepSynchronization synchronization(
      ParameterArena parameters, BooleanSupplier isStopRequested) {
    return new StepSynchronization(parameters);
  }

  @Override
  public void shareStatistics(ParameterArena parameters) {
    // they are the only ones
  }

  @Override
  public List<byte[]> gather(byte[] own) {
    return List.of(own);
  }

  @Override
  public void enter(String what) {
    // the exception's place says it
  }

  @Override
  public void fail(Throwable problem) {
    // there is no one to tell
  }

  @Override
  public void keep(Runnable save) {
    save.run();
  }

  @Override
  public void close() {
    // holds nothing
  }
}
