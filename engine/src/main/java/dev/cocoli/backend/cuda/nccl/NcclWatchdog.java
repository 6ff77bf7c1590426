package dev.cocoli.backend.cuda.nccl;

import dev.cocoli.bindings.cudart.CudaRuntime;
import dev.cocoli.bindings.status.CudaStatus;
import dev.cocoli.distributed.CollectiveCall;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * A thread that sees when a rank's collectives do not end or NCCL reports an error, while the
 * rank's own thread may be waiting for the device. Once any rank has failed, it aborts this rank's
 * communicator, so that all of a process are aborted at the same time, as NCCL wants it, and the
 * kernels that wait for other ranks end.
 */
final class NcclWatchdog {
  private static final long POLL_NANOS = 20_000_000;

  /** How long a call that fails waits for the abort: NCCL has been seen to hang in it. */
  private static final long ABORT_SECONDS = 10;

  private final NcclPeers peers;
  private final int rank;
  private final int device;
  private final NcclHandle handle;
  private final CommunicationStream stream;
  private final Duration timeout;
  private final Thread thread;
  private final CountDownLatch ended = new CountDownLatch(1);
  private volatile boolean stopped;

  NcclWatchdog(
      NcclPeers peers,
      int rank,
      int device,
      NcclHandle handle,
      CommunicationStream stream,
      Duration timeout) {
    this.peers = peers;
    this.rank = rank;
    this.device = device;
    this.handle = handle;
    this.stream = stream;
    this.timeout = timeout;
    thread = new Thread(this::watch, "cocoli-nccl-" + rank);
    thread.setDaemon(true);
  }

  void start() {
    peers.register(thread);
    thread.start();
  }

  private void watch() {
    try {
      CudaStatus.check("cudaSetDevice", CudaRuntime.cudaSetDevice(device));
      while (!stopped && !peers.failed()) {
        LockSupport.parkNanos(POLL_NANOS);
        look();
      }
    } catch (RuntimeException | Error e) {
      // whatever it is, nobody would watch any more
      peers.fail("rank " + rank + ": " + e.getMessage(), List.of(rank), e);
    } finally {
      // does nothing if the communicator has ended as it should
      handle.abort();
      ended.countDown();
    }
  }

  private void look() {
    handle.settled();
    stream
        .first()
        .filter(waiting -> System.nanoTime() - waiting.sinceNanos() > timeout.toNanos())
        .ifPresent(waiting -> failMissing(waiting.call()));
  }

  private void failMissing(CollectiveCall call) {
    peers.failMissing(rank, call, timeout);
  }

  /** After a failure: waits until this rank's kernels have been told to end. */
  void awaitAborted() {
    boolean interrupted = false;
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(ABORT_SECONDS);
    while (true) {
      try {
        ended.await(end - System.nanoTime(), TimeUnit.NANOSECONDS);
        break;
      } catch (InterruptedException _) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Ends the thread, and the communicator, unless it has ended. */
  void stop() {
    stopped = true;
    LockSupport.unpark(thread);
    awaitAborted();
  }
}
