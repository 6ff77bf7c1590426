package dev.cocoli.backend.cpu.onednn;

import static dev.cocoli.backend.cpu.onednn.WinogradMatrices.KERNEL;
import static dev.cocoli.backend.cpu.onednn.WinogradMatrices.OUT;
import static dev.cocoli.backend.cpu.onednn.WinogradMatrices.PRODUCTS;
import static dev.cocoli.bindings.onednn.Dnnl.*;

import dev.cocoli.backend.Closing;
import dev.cocoli.backend.PlanCache;
import dev.cocoli.backend.cpu.Workers;
import dev.cocoli.tensor.Buffer;
import java.lang.foreign.MemorySegment;

/**
 * The gradient of 3x3 weights by F(3x3, 4x4): a tile's weights' gradient {@code [3,3]} is the
 * correlation of its 6 x 6 inputs with the 4 x 4 gradients of its outputs. The products of all
 * tiles are summed before they are transformed. All threads share a block, because a sum for each
 * thread would take more memory than the tiles.
 */
final class WinogradWeightGradient implements AutoCloseable {
  private static final int CAPACITY = 64;

  private static final long BLOCK_TILES_PER_THREAD = 64;
  private static final long MAX_BLOCK_TILES = 1024;

  private static final int OUTPUTS = OUT * OUT;
  private static final int TAPS = KERNEL * KERNEL;

  private record Key(long tiles, long in, long out) {}

  private record Plan(
      OneDnnPrimitive input,
      OneDnnPrimitive gradient,
      OneDnnPrimitive multiply,
      OneDnnPrimitive sum)
      implements AutoCloseable {
    @Override
    public void close() {
      Closing.all(input, gradient, multiply, sum);
    }
  }

  private final OneDnnContext context;
  private final Workers workers;
  private final MemorySegment inputMatrix;
  private final MemorySegment gradientMatrix;
  private final MemorySegment sumMatrix;
  private final PlanCache<Key, Plan> plans = new PlanCache<>(CAPACITY);

  /**
   * Makes an empty cache of plans.
   *
   * @param context engine and stream
   * @param workers gather tiles
   * @param inputMatrix {@code [36,36]}
   * @param gradientMatrix {@code [36,16]}
   * @param sumMatrix {@code [9,36]}
   */
  WinogradWeightGradient(
      OneDnnContext context,
      Workers workers,
      MemorySegment inputMatrix,
      MemorySegment gradientMatrix,
      MemorySegment sumMatrix) {
    this.context = context;
    this.workers = workers;
    this.inputMatrix = inputMatrix;
    this.gradientMatrix = gradientMatrix;
    this.sumMatrix = sumMatrix;
  }

  /**
   * Adds the gradient.
   *
   * @param tiles of the maps
   * @param in I
   * @param out O
   * @param x {@code [N,H,W,I]}
   * @param dy {@code [N,H,W,O]}
   * @param dWeight {@code [O,3,3,I]}, added to
   */
  void accumulate(
      WinogradTiles tiles,
      long in,
      long out,
      MemorySegment x,
      MemorySegment dy,
      MemorySegment dWeight) {
    long most = Math.min(MAX_BLOCK_TILES, BLOCK_TILES_PER_THREAD * workers.parallelism());
    long blocks = Math.ceilDiv(tiles.count(), most);
    long size = WinogradConvolution.inSteps(Math.ceilDiv(tiles.count(), blocks));
    Plan plan = plans.get(new Key(size, in, out), this::describe);
    long widest = Math.max(in, out);
    try (Buffer sums = context.pool().take(PRODUCTS * in * out * Float.BYTES);
        Buffer pixels = context.pool().take(size * PRODUCTS * widest * Float.BYTES);
        Buffer inputs = context.pool().take(size * PRODUCTS * in * Float.BYTES);
        Buffer gradients = context.pool().take(size * PRODUCTS * out * Float.BYTES)) {
      sums.segment().fill((byte) 0);
      for (long first = 0; first < tiles.count(); first += size) {
        gather(tiles, x, in, 1, first, size, pixels.segment());
        plan.input.execute(inputMatrix, pixels.segment(), inputs.segment());
        gather(tiles, dy, out, 0, first, size, pixels.segment());
        plan.gradient.execute(gradientMatrix, pixels.segment(), gradients.segment());
        plan.multiply.execute(gradients.segment(), inputs.segment(), sums.segment());
      }
      try (Buffer room = context.pool().take(TAPS * in * out * Float.BYTES)) {
        plan.sum.execute(sumMatrix, sums.segment(), room.segment());
        layout(in, out).addUnpacked(room.segment(), dWeight);
      }
    }
  }

  /** Taps first, which a product gives, and {@code [O,3,3,I]}. */
  private WeightLayout layout(long in, long out) {
    try (Descriptors descriptors = new Descriptors(context)) {
      return context.weightLayout(
          descriptors.memory(dnnl_abc(), out, TAPS, in),
          descriptors.memory(dnnl_bac(), out, TAPS, in));
    }
  }

  private void gather(
      WinogradTiles tiles,
      MemorySegment map,
      long channels,
      int margin,
      long first,
      long size,
      MemorySegment to) {
    long extent = OUT + 2L * margin;
    long tileBytes = extent * extent * channels * Float.BYTES;
    workers.rows(
        size,
        8,
        (from, end) -> {
          long inside = Math.clamp(tiles.count() - first, from, end);
          MemorySegment piece = to.asSlice(from * tileBytes, (end - from) * tileBytes);
          tiles.gather(map, channels, margin, first + from, inside - from, piece);
          piece.asSlice((inside - from) * tileBytes).fill((byte) 0);
        });
  }

  private Plan describe(Key key) {
    try (Descriptors descriptors = new Descriptors(context)) {
      MemorySegment sums = descriptors.attributes();
      MemorySegment operations = descriptors.postOperations();
      descriptors.appendSum(operations);
      descriptors.setPostOperations(sums, operations);
      Plan plan =
          new Plan(
              descriptors.matmul(
                  descriptors.memory(dnnl_abc(), 1, PRODUCTS, PRODUCTS),
                  descriptors.memory(dnnl_abc(), key.tiles, PRODUCTS, key.in),
                  descriptors.memory(dnnl_bac(), key.tiles, PRODUCTS, key.in),
                  descriptors.attributes()),
              descriptors.matmul(
                  descriptors.memory(dnnl_abc(), 1, PRODUCTS, OUTPUTS),
                  descriptors.memory(dnnl_abc(), key.tiles, OUTPUTS, key.out),
                  descriptors.memory(dnnl_bac(), key.tiles, PRODUCTS, key.out),
                  descriptors.attributes()),
              descriptors.matmul(
                  descriptors.memory(dnnl_acb(), PRODUCTS, key.out, key.tiles),
                  descriptors.memory(dnnl_abc(), PRODUCTS, key.tiles, key.in),
                  descriptors.memory(dnnl_abc(), PRODUCTS, key.out, key.in),
                  sums),
              descriptors.matmul(
                  descriptors.memory(dnnl_ab(), TAPS, PRODUCTS),
                  descriptors.memory(dnnl_ab(), PRODUCTS, key.out * key.in),
                  descriptors.memory(dnnl_ab(), TAPS, key.out * key.in),
                  descriptors.attributes()));
      descriptors.keep();
      return plan;
    }
  }

  /** {@return how many plans are kept} */
  int planCount() {
    return plans.size();
  }

  @Override
  public void close() {
    plans.close();
  }
}
