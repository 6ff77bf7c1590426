package dev.cocoli.backend.cuda.nccl;

import dev.cocoli.bindings.NativeException;
import dev.cocoli.bindings.cudart.CudaRuntime;
import dev.cocoli.bindings.nccl.Nccl;
import dev.cocoli.bindings.status.CudaStatus;
import dev.cocoli.distributed.CollectiveCall;
import dev.cocoli.distributed.Communicator;
import dev.cocoli.distributed.CommunicatorException;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.ToIntFunction;

/**
 * Connects ranks by NCCL, one device and one platform thread each, in this process and in others.
 * Collectives run on a stream of their own, after what compute has been called for and, once waited
 * for, before what it is called for next. No call blocks in NCCL or CUDA: what takes long is
 * polled, so that a timeout or an abort ends it.
 *
 * <p>A reduction's result holds only if a later call of the communicator has returned: a device
 * whose communicator was aborted goes on computing with what it has.
 */
public final class NcclCommunicator implements Communicator {
  /** Connecting takes seconds, however short a collective's timeout is. */
  private static final Duration LEAST_CONNECT = Duration.ofSeconds(60);

  /** How long a closing rank waits for the others to close, before it goes without them. */
  private static final Duration FINALIZE = Duration.ofSeconds(5);

  private static final int SPINS = 2_000;
  private static final long PAUSE_NANOS = 20_000;

  private final NcclPeers peers;
  private final int rank;
  private final NcclDevice device;
  private final Duration timeout;
  private final NcclHandle handle;
  private final CommunicationStream stream;
  private final GatherStaging staging;
  private final NcclWatchdog watchdog;
  private final List<Tensor> reducing = new ArrayList<>();
  private boolean closed;

  /** Makes a rank that is not connected; its device is then the calling thread's current one. */
  NcclCommunicator(NcclPeers peers, int rank, NcclDevice device, Duration timeout) {
    this.peers = peers;
    this.rank = rank;
    this.device = device;
    this.timeout = timeout;
    useDevice();
    handle = new NcclHandle(rank);
    stream = new CommunicationStream(device.computeStream());
    try {
      staging = new GatherStaging(peers.size());
    } catch (NativeException e) {
      stream.close();
      throw e;
    }
    watchdog = new NcclWatchdog(peers, rank, device.index(), handle, stream, timeout);
    watchdog.start();
  }

  /**
   * Begins to connect to the other ranks; does not wait for them.
   *
   * @param id rank 0's
   */
  void beginConnecting(byte[] id) {
    handle.init(id, size());
  }

  /** Waits until all ranks are connected. */
  void awaitConnected() {
    Duration patience = timeout.compareTo(LEAST_CONNECT) < 0 ? LEAST_CONNECT : timeout;
    long end = System.nanoTime() + patience.toNanos();
    while (!handle.settled()) {
      throwIfFailed();
      if (System.nanoTime() > end) {
        peers.fail(
            "rank "
                + rank
                + " of "
                + size()
                + " has not been connected by NCCL within "
                + patience.toMillis() / 1000.0
                + " s: a rank is missing, or cannot be reached (NCCL_DEBUG=INFO shows more,"
                + " NCCL_SOCKET_IFNAME chooses the network)",
            List.of(),
            null);
      }
      LockSupport.parkNanos(PAUSE_NANOS);
    }
  }

  @Override
  public int rank() {
    return rank;
  }

  @Override
  public int size() {
    return peers.size();
  }

  @Override
  public void startAllReduce(Tensor x, Reduction reduction) {
    checkDevice(x);
    CollectiveCall call = enter(CollectiveCall.allReduce(x, reduction));
    stream.followCompute();
    stream.beginTimed();
    if (x.elementCount() > 0) {
      NcclReduction reduce = NcclReduction.of(x, reduction);
      call(
          call,
          "ncclAllReduce",
          comm ->
              Nccl.ncclAllReduce(
                  x.segment(),
                  x.segment(),
                  reduce.elementCount(),
                  reduce.type(),
                  reduce.operation(),
                  comm,
                  stream.handle()));
    }
    stream.queued(call);
    reducing.add(x);
  }

  @Override
  public void awaitAllReduces() {
    throwIfFailed();
    if (!reducing.isEmpty()) {
      useDevice();
      stream.leadComputeTimed();
      reducing.forEach(x -> x.buffer().markWritten());
      reducing.clear();
    }
  }

  @Override
  public AllReduceTimes takeAllReduceTimes() {
    return stream.takeTimes();
  }

  @Override
  public void broadcast(Tensor x, int root) {
    checkDevice(x);
    CollectiveCall call = enter(CollectiveCall.broadcast(x, root, size()));
    stream.followCompute();
    if (x.byteSize() > 0) {
      call(
          call,
          "ncclBroadcast",
          comm ->
              Nccl.ncclBroadcast(
                  x.segment(),
                  x.segment(),
                  x.byteSize(),
                  NcclReduction.type(DType.U8),
                  root,
                  comm,
                  stream.handle()));
    }
    stream.queued(call);
    stream.leadCompute();
    x.buffer().markWritten();
  }

  @Override
  public List<byte[]> allGather(byte[] value) {
    CollectiveCall call = enter(CollectiveCall.allGather());
    staging.sent().set(ValueLayout.JAVA_LONG, 0, value.length);
    exchange(call, Long.BYTES);
    byte[][] values = new byte[size()][];
    long most = 0;
    for (int i = 0; i < values.length; i++) {
      long byteSize = staging.received().getAtIndex(ValueLayout.JAVA_LONG, i);
      values[i] = new byte[Math.toIntExact(byteSize)];
      most = Math.max(most, byteSize);
    }
    for (long at = 0; at < most; at += GatherStaging.SLOT_BYTES) {
      int round = (int) Math.min(GatherStaging.SLOT_BYTES, most - at);
      int mine = Math.clamp(value.length - at, 0, round);
      MemorySegment.copy(
          value, (int) Math.min(at, value.length), staging.sent(), ValueLayout.JAVA_BYTE, 0, mine);
      exchange(call, round);
      for (int i = 0; i < values.length; i++) {
        int theirs = Math.clamp(values[i].length - at, 0, round);
        MemorySegment.copy(
            staging.received(),
            ValueLayout.JAVA_BYTE,
            (long) i * round,
            values[i],
            (int) Math.min(at, values[i].length),
            theirs);
      }
    }
    return new ArrayList<>(Arrays.asList(values));
  }

  /** Sends the first bytes of the slot to all, and waits for as many of each. */
  private void exchange(CollectiveCall call, long byteSize) {
    staging.upload(byteSize, stream.handle());
    call(
        call,
        "ncclAllGather",
        comm ->
            Nccl.ncclAllGather(
                staging.deviceSent(),
                staging.deviceReceived(),
                byteSize,
                NcclReduction.type(DType.U8),
                comm,
                stream.handle()));
    staging.download(size() * byteSize, stream.handle());
    stream.queued(call);
    awaitQueued();
  }

  @Override
  public void barrier() {
    CollectiveCall call = enter(CollectiveCall.barrier());
    stream.followCompute();
    MemorySegment cell = staging.deviceSent();
    call(
        call,
        "ncclAllReduce",
        comm ->
            Nccl.ncclAllReduce(
                cell,
                cell,
                1,
                NcclReduction.type(DType.I32),
                Nccl.ncclSum(),
                comm,
                stream.handle()));
    stream.queued(call);
    awaitQueued();
  }

  @Override
  public void abort(String reason) {
    peers.fail("rank " + rank + " gave up: " + reason, List.of(rank), null);
  }

  /** Waits for all that is queued; the watchdog ends the wait if another rank does not come. */
  private void awaitQueued() {
    int spins = 0;
    try {
      while (stream.first().isPresent()) {
        throwIfFailed();
        pause(spins++);
      }
    } catch (NativeException e) {
      throw failed(e);
    }
    // the kernels of an aborted communicator end too, without a result
    throwIfFailed();
  }

  private CollectiveCall enter(String what) {
    throwIfFailed();
    useDevice();
    try {
      return peers.enter(rank, what);
    } catch (CommunicatorException e) {
      watchdog.awaitAborted();
      throw e;
    }
  }

  /** Calls NCCL, and waits until the call has queued its work; not until that has run. */
  private void call(CollectiveCall call, String name, ToIntFunction<MemorySegment> function) {
    long end = System.nanoTime() + timeout.toNanos();
    try {
      handle.call(name, function);
      int spins = 0;
      while (!handle.settled()) {
        throwIfFailed();
        if (System.nanoTime() > end) {
          // it is not queued yet, so that the watchdog does not know of it
          peers.failMissing(rank, call, timeout);
        }
        pause(spins++);
      }
    } catch (NativeException e) {
      throw failed(e);
    }
    throwIfFailed();
  }

  private CommunicatorException failed(NativeException e) {
    peers.fail("rank " + rank + ": " + e.getMessage(), List.of(rank), e);
    throwIfFailed();
    throw new AssertionError("a failure was noted");
  }

  private void throwIfFailed() {
    if (peers.failed()) {
      watchdog.awaitAborted();
      peers.throwIfFailed();
    }
  }

  private static void pause(int spins) {
    if (spins < SPINS) {
      Thread.onSpinWait();
    } else {
      LockSupport.parkNanos(PAUSE_NANOS);
    }
  }

  private void checkDevice(Tensor x) {
    Device mine = new Device(Device.Kind.CUDA, device.index());
    if (!x.device().equals(mine)) {
      throw new IllegalArgumentException(x + " is not of rank " + rank + "'s device " + mine);
    }
  }

  private void useDevice() {
    CudaStatus.check("cudaSetDevice", CudaRuntime.cudaSetDevice(device.index()));
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    // a device that has failed refuses even this, and has failed the run with a better message
    CudaRuntime.cudaSetDevice(device.index());
    peers.close(rank, !peers.failed() && !reducing.isEmpty());
    if (!peers.failed()) {
      end();
    }
    watchdog.stop();
    staging.close();
    stream.close();
  }

  /** Ends the communicator in agreement with the other ranks, or leaves it to the watchdog. */
  private void end() {
    try {
      handle.call("ncclCommFinalize", Nccl::ncclCommFinalize);
      long end = System.nanoTime() + FINALIZE.toNanos();
      while (!handle.settled() && !peers.failed() && System.nanoTime() < end) {
        LockSupport.parkNanos(PAUSE_NANOS);
      }
      if (handle.settled() && !peers.failed()) {
        handle.destroy();
      }
    } catch (NativeException _) {
      // nobody needs what it would have done
    }
  }
}
