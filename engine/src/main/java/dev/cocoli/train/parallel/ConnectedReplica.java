package dev.cocoli.train.parallel;

import dev.cocoli.backend.Backend;
import dev.cocoli.distributed.Communicator;
import dev.cocoli.distributed.CommunicatorException;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.train.Progress;
import dev.cocoli.train.TrainingException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import java.util.zip.CRC32C;

/** One of several replicas. Its thread calls all but what says how it ended. */
final class ConnectedReplica implements Replica {
  /** Elements that are brought to the host at once for a checksum. */
  private static final long CHECKED_AT_ONCE = 1 << 22;

  private final Communicator communicator;
  private final ParallelConfig config;
  private final int localSize;
  private final String devices;
  private volatile String where = "";
  private volatile String explanation;
  private volatile boolean isKeeping;
  private boolean closed;

  /**
   * Takes over a connection.
   *
   * @param communicator closed with this
   * @param config how the replicas work together
   * @param localSize how many replicas share this process
   * @param devices what they compute on
   */
  ConnectedReplica(
      Communicator communicator, ParallelConfig config, int localSize, String devices) {
    this.communicator = communicator;
    this.config = config;
    this.localSize = localSize;
    this.devices = devices;
  }

  @Override
  public int rank() {
    return communicator.rank();
  }

  @Override
  public int size() {
    return communicator.size();
  }

  @Override
  public int localSize() {
    return localSize;
  }

  @Override
  public String devices() {
    return devices;
  }

  @Override
  public Progress begin(ParameterArena parameters, Progress progress) {
    enter("the first exchange of weights");
    List<Tensor> state = new ArrayList<>(List.of(parameters.values(), parameters.fixed()));
    state.addAll(parameters.states().values());
    CRC32C checksum = new CRC32C();
    for (Tensor tensor : state) {
      if (tensor.elementCount() > 0) {
        communicator.broadcast(tensor, 0);
        add(parameters.backend(), tensor, checksum);
      }
    }
    requireSameWeights(communicator.allGather(bytes(checksum.getValue())));
    return decode(communicator.allGather(encode(progress.toMetadata())).getFirst());
  }

  private static void requireSameWeights(List<byte[]> checksums) {
    Set<Long> different = new HashSet<>();
    for (byte[] checksum : checksums) {
      different.add(ByteBuffer.wrap(checksum).getLong());
    }
    if (different.size() > 1) {
      throw new TrainingException(
          "the replicas' weights differ although the first one's were sent to all: a device or its"
              + " connection is not sound");
    }
  }

  private static void add(Backend backend, Tensor tensor, CRC32C checksum) {
    long count = tensor.elementCount();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment room =
          arena.allocate(Math.min(count, CHECKED_AT_ONCE) * Float.BYTES, Float.BYTES);
      for (long at = 0; at < count; at += CHECKED_AT_ONCE) {
        long elements = Math.min(CHECKED_AT_ONCE, count - at);
        MemorySegment part = room.asSlice(0, elements * Float.BYTES);
        backend
            .transfers()
            .download(tensor.view(at * Float.BYTES, Shape.of(elements), DType.F32), part);
        checksum.update(part.asByteBuffer());
      }
    }
  }

  @Override
  public StepSynchronization synchronization(
      ParameterArena parameters, BooleanSupplier isStopRequested) {
    return new StepSynchronization.Averaging(parameters, communicator, config, isStopRequested);
  }

  @Override
  public void shareStatistics(ParameterArena parameters) {
    if (!parameters.module().namedCounters().isEmpty()) {
      communicator.broadcast(parameters.fixed(), 0);
    }
  }

  @Override
  public List<byte[]> gather(byte[] own) {
    return communicator.allGather(own);
  }

  @Override
  public void enter(String what) {
    where = what;
  }

  /** {@return what it does, or did last; empty before the run began} */
  String where() {
    return where;
  }

  /** {@return why it ended, with what the others did; null unless it failed} */
  String explanation() {
    return explanation;
  }

  /** Ends the others from another thread, as when this one does not answer. */
  void abort(String reason) {
    communicator.abort(reason);
  }

  @Override
  public void fail(Throwable problem) {
    if (explanation != null) {
      return;
    }
    if (problem instanceof CommunicatorException) { // someone else's fault, or known to all
      explanation = problem.getMessage();
      return;
    }
    String text = problem.getMessage() == null ? problem.toString() : problem.getMessage();
    String reason = where.isEmpty() ? text : "in " + where + ": " + text;
    communicator.abort(reason);
    explanation = reason;
    try {
      communicator.allGather(new byte[0]);
    } catch (CommunicatorException e) { // with what each rank had entered
      // of what follows from this problem, the others may have noticed something first
      boolean isFirst = e.getMessage().contains(reason);
      explanation =
          isFirst
              ? e.getMessage()
              : "rank " + rank() + " gave up: " + reason + "; " + e.getMessage();
    }
  }

  @Override
  public void keep(Runnable save) {
    isKeeping = true;
    try {
      save.run();
    } finally {
      isKeeping = false;
    }
  }

  /** {@return whether it writes what must not be interrupted} */
  boolean isKeeping() {
    return isKeeping;
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      communicator.close();
    }
  }

  private static byte[] bytes(long value) {
    return ByteBuffer.allocate(Long.BYTES).putLong(value).array();
  }

  private static byte[] encode(Map<String, String> values) {
    return values.entrySet().stream()
        .map(entry -> entry.getKey() + "=" + entry.getValue())
        .collect(Collectors.joining("\n"))
        .getBytes(StandardCharsets.UTF_8);
  }

  private static Progress decode(byte[] bytes) {
    return Progress.fromMetadata(
        new String(bytes, StandardCharsets.UTF_8)
            .lines()
            .map(line -> line.split("=", 2))
            .collect(Collectors.toMap(pair -> pair[0], pair -> pair[1])));
  }
}
