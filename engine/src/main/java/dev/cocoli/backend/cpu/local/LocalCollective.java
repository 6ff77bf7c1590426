package dev.cocoli.backend.cpu.local;

import dev.cocoli.distributed.CollectiveCall;
import dev.cocoli.distributed.Communicator.Reduction;
import dev.cocoli.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/**
 * One collective of a {@link LocalGroup}: who has come, and with what. All but {@link #nextPiece}
 * is guarded by the group's lock.
 */
final class LocalCollective {
  /** What the first to come called. */
  final CollectiveCall call;

  /** Of an all-reduce; else null. */
  final Reduction reduction;

  /** Each rank's tensor, or null while it has not come. */
  final Tensor[] tensors;

  /** Each rank's bytes, for an all-gather. */
  final byte[][] values;

  /** The next piece of an all-reduce that nobody has taken. */
  final AtomicLong nextPiece = new AtomicLong();

  private final boolean[] came;
  private int arrived;
  private int left;
  private long piecesDone;
  private long startNanos;
  private long endNanos;
  private boolean started;

  LocalCollective(CollectiveCall call, Reduction reduction, int size) {
    this.call = call;
    this.reduction = reduction;
    tensors = new Tensor[size];
    values = new byte[size][];
    came = new boolean[size];
  }

  /** Notes that a rank has come. */
  void arrive(int rank, Tensor tensor, byte[] value) {
    came[rank] = true;
    tensors[rank] = tensor;
    values[rank] = value;
    arrived++;
  }

  /** {@return whether all ranks have come} */
  boolean complete() {
    return arrived == came.length;
  }

  /** {@return whether a rank has come} */
  boolean came(int rank) {
    return came[rank];
  }

  /** {@return those who have not come} */
  List<Integer> missing() {
    List<Integer> missing = new ArrayList<>();
    for (int rank = 0; rank < came.length; rank++) {
      if (!came[rank]) {
        missing.add(rank);
      }
    }
    return missing;
  }

  /** Notes that a rank needs nothing more of this. */
  void leave() {
    left++;
  }

  /** {@return how many ranks need nothing more} */
  int left() {
    return left;
  }

  /** {@return the pieces of the all-reduce; one rank alone has what it wants already} */
  long pieces() {
    return came.length == 1 ? 0 : RankSum.pieces(tensors[0]);
  }

  /** Notes that a thread begins to take pieces. */
  void beginPieces() {
    if (!started) {
      started = true;
      startNanos = System.nanoTime();
    }
  }

  /** Notes that pieces have been reduced. */
  void addPieces(long count) {
    piecesDone += count;
    endNanos = System.nanoTime();
  }

  /** {@return for how long pieces were reduced} */
  long nanos() {
    return endNanos - startNanos;
  }

  /** {@return whether the all-reduce is done} */
  boolean reduced() {
    return complete() && piecesDone == pieces();
  }
}
