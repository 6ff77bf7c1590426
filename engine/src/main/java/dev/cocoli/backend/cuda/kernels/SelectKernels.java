package dev.cocoli.backend.cuda.kernels;

import dev.cocoli.backend.TensorScope;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import java.util.Arrays;

/**
 * The smallest of many 64-bit keys, in rising order. How many keys there are may be known to the
 * device alone: the number of kernels depends on the room for them, and those that find nothing to
 * do end at once.
 */
final class SelectKernels {
  private static final String FILE = "select";
  private static final Kernel KEY_HISTOGRAM = new Kernel(FILE, "key_histogram");
  private static final Kernel NARROW_KEYS = new Kernel(FILE, "narrow_keys");
  private static final Kernel SELECT_KEYS = new Kernel(FILE, "select_keys");
  private static final Kernel SORT_TILES = new Kernel(FILE, "sort_tiles");
  private static final Kernel MERGE_RUNS = new Kernel(FILE, "merge_runs");
  private static final Kernel KEY_INDICES = new Kernel(FILE, "key_indices");

  /** Parts of a row, keys of a tile, bins of a histogram: select.cu has the same numbers. */
  static final int MAX_PARTS = 32;

  private static final long TILE = 2048;
  private static final long HISTOGRAM = 4096;
  private static final int TILE_THREADS = 1024;

  /** Up to so many keys one block looks through as fast as all blocks look twice. */
  private static final long FEW_KEYS = 4 * TILE;

  /** Keys that a thread of a histogram counts, about. */
  private static final long KEYS_PER_THREAD = 8;

  private final KernelCall call;

  SelectKernels(KernelCall call) {
    this.call = call;
  }

  /**
   * Where keys lie: {@code rows} times the same parts.
   *
   * @param rows how often
   * @param stride keys from row to row
   * @param begins where each part begins in its row
   * @param sizes how many keys each part has, or has room for
   * @param counts I32 {@code [rows * parts]}, how many keys each part has; null if it is full
   */
  record Parts(long rows, long stride, long[] begins, long[] sizes, Tensor counts) {
    /** Checks the number of parts. */
    Parts {
      if (begins.length > MAX_PARTS) {
        throw new IllegalArgumentException(
            "a kernel selects from " + MAX_PARTS + " levels at most, not " + begins.length);
      }
    }

    /** Returns rows of one part each. */
    static Parts rows(long rows, long size, Tensor counts) {
      return new Parts(rows, size, new long[] {0}, new long[] {size}, counts);
    }

    /** Returns parts that lie one after the other. */
    static Parts adjacent(long rows, long[] sizes, Tensor counts) {
      long[] begins = new long[sizes.length];
      for (int i = 1; i < sizes.length; i++) {
        begins[i] = begins[i - 1] + sizes[i - 1];
      }
      return new Parts(rows, Arrays.stream(sizes).sum(), begins, sizes, counts);
    }

    Parts with(Tensor otherCounts) {
      return new Parts(rows, stride, begins, sizes, otherCounts);
    }

    long count() {
      return rows * begins.length;
    }

    long largest() {
      return Arrays.stream(sizes).max().orElse(0);
    }

    void write(KernelCall call) {
      call.tensor(counts).i64(stride).i64(begins.length);
      for (int i = 0; i < MAX_PARTS; i++) {
        call.i64(i < begins.length ? begins[i] : 0).i64(i < sizes.length ? sizes[i] : 0);
      }
    }
  }

  /**
   * Keys in rising order.
   *
   * @param keys I64
   * @param parts where they lie
   */
  record Sorted(Tensor keys, Parts parts) {}

  /**
   * Selects from each part its smallest keys.
   *
   * @param scope where scratch memory and the result come from
   * @param keys I64, no two of a part equal
   * @param in where they lie
   * @param wanted how many to select of each part, one part after the other
   * @return the keys and how many there are: fewer than wanted where a part has fewer
   */
  Sorted smallest(TensorScope scope, Tensor keys, Parts in, long[] wanted) {
    Parts out = Parts.adjacent(in.rows(), wanted, null);
    Tensor counts = scope.allocate(DType.I32, Math.max(1, in.count()));
    Tensor selected = scope.allocate(DType.I64, Math.max(1, in.rows() * out.stride()));
    Tensor from = keys;
    Parts left = in;
    if (in.largest() > FEW_KEYS) {
      Tensor zeros = scope.allocate(DType.I32, in.count() * (HISTOGRAM + 1));
      Tensor histograms = zeros.rows(0, in.count() * HISTOGRAM);
      Tensor narrowedCounts = zeros.rows(in.count() * HISTOGRAM, in.count());
      from = scope.allocate(DType.I64, keys.shape());
      call.queue().zero(zeros.segment());
      long threads = Math.ceilDiv(in.largest(), KEYS_PER_THREAD);
      long busy = Math.max(1, call.queue().residentBlocks() / in.count());
      long blocks = Math.min(busy, Math.ceilDiv(threads, KernelCall.THREADS));
      call.of(KEY_HISTOGRAM);
      in.write(call);
      call.tensor(keys).tensor(histograms).blocks(blocks, in.count(), KernelCall.THREADS, 0);
      call.of(NARROW_KEYS);
      in.write(call);
      out.write(call);
      call.tensor(keys)
          .tensor(histograms)
          .tensor(from)
          .tensor(narrowedCounts)
          .blocks(blocks, in.count(), KernelCall.THREADS, 0);
      left = in.with(narrowedCounts);
    }
    call.of(SELECT_KEYS);
    left.write(call);
    out.write(call);
    call.tensor(from)
        .tensor(selected)
        .tensor(counts)
        .blocks(in.count() == 0 ? 0 : 1, in.count(), TILE_THREADS, 0);
    Parts found = out.with(counts);
    return new Sorted(out.largest() > TILE ? sort(scope, selected, found) : selected, found);
  }

  /**
   * Sorts the keys of each part.
   *
   * @param scope where scratch memory and the result come from
   * @param keys I64, no two of a part equal; overwritten
   * @param parts where they lie
   * @return where they are in order, lying as before
   */
  Tensor sort(TensorScope scope, Tensor keys, Parts parts) {
    long largest = parts.largest();
    if (largest == 0 || parts.count() == 0) {
      return keys;
    }
    call.of(SORT_TILES);
    parts.write(call);
    call.tensor(keys).blocks(Math.ceilDiv(largest, TILE), parts.count(), TILE_THREADS, 0);
    Tensor sorted = keys;
    Tensor other = largest > TILE ? scope.allocate(DType.I64, keys.shape()) : null;
    for (long run = TILE; run < largest; run *= 2) {
      call.of(MERGE_RUNS);
      parts.write(call);
      call.tensor(sorted)
          .tensor(other)
          .i64(run)
          .blocks(Math.ceilDiv(largest, KernelCall.THREADS), parts.count(), KernelCall.THREADS, 0);
      Tensor merged = other;
      other = sorted;
      sorted = merged;
    }
    return sorted;
  }

  /**
   * Writes the lower halves of keys.
   *
   * @param keys I64, the first of each row after the last of the row before
   * @param counts I32 {@code [rows]}, how many keys each row has; null if it is full
   * @param stride keys from row to row
   * @param indices I32 {@code [rows,columns]}; -1 after the last key
   */
  void writeIndices(Tensor keys, Tensor counts, long stride, Tensor indices) {
    long count = indices.elementCount();
    if (count == 0) {
      return;
    }
    call.of(KEY_INDICES)
        .tensor(keys)
        .tensor(counts)
        .output(indices)
        .i64(count)
        .i64(stride)
        .divider(indices.dim(1), count)
        .over(count);
  }
}
