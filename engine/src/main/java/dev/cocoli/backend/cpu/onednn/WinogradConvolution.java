package dev.cocoli.backend.cpu.onednn;

import dev.cocoli.backend.Closing;
import dev.cocoli.backend.PlanCache;
import dev.cocoli.backend.cpu.Workers;
import dev.cocoli.backend.cpu.onednn.WinogradBlock.Operands;
import dev.cocoli.backend.cpu.onednn.WinogradWeights.Direction;
import dev.cocoli.backend.spec.Activation;
import dev.cocoli.bindings.onednn.OpenMpTeam;
import dev.cocoli.tensor.Buffer;
import dev.cocoli.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Convolution with 3 x 3 weights, stride and padding 1 in F32, and its gradients, with a quarter of
 * the products (ADR 13, {@link WinogradMatrices}). Each thread takes blocks of tiles from the
 * pixels to the outputs, so that they stay in the caches of its core.
 */
public final class WinogradConvolution implements AutoCloseable {
  /** Where this is used. */
  public enum Use {
    /** Nowhere. */
    NEVER,
    /** Where it is faster than the direct convolution, by a rule in shapes. */
    WHERE_FASTER,
    /** Wherever it is possible; for tests. */
    WHEREVER_POSSIBLE;

    /**
     * {@return what the property {@code cocoli.winograd} says: {@code true}, {@code false}, or
     * {@code always}}
     *
     * @throws IllegalArgumentException if it is something else
     */
    public static Use requested() {
      String value = System.getProperty("cocoli.winograd", "true");
      return switch (value) {
        case "true" -> WHERE_FASTER;
        case "false" -> NEVER;
        case "always" -> WHEREVER_POSSIBLE;
        default ->
            throw new IllegalArgumentException(
                "cocoli.winograd is " + value + "; it is true, false or always");
      };
    }
  }

  private static final int CAPACITY = 128;

  /** Tiles of a block at most: the weights are read once per block; more gain nothing. */
  private static final long BLOCK_TILES = 64;

  /** Tiles of the blocks of all threads at most, unless they are of the smallest size. */
  private static final long TILES_AT_ONCE = 2048;

  private static final long TILE_STEP = 8;

  private static final long MIN_BLOCK_TILES = 16;

  /** With fewer channels the transforms cost what the products save. */
  private static final long MIN_CHANNELS = 128;

  /**
   * With fewer tiles, reading weights that are four times as large costs what the products save.
   */
  private static final long MIN_TILES = 128;

  private record WeightKey(Direction direction, long out, long in) {}

  /** A block for each thread. */
  private record Plan(List<WinogradBlock> blocks) implements AutoCloseable {
    @Override
    public void close() {
      Closing.all(blocks);
    }
  }

  private final OneDnnContext context;
  private final Workers workers;
  private final Use use;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment inputMatrix = constant(WinogradMatrices.input());
  private final MemorySegment outputMatrix = constant(WinogradMatrices.output());
  private final MemorySegment weightMatrix = constant(WinogradMatrices.weights());
  private final MemorySegment flippedWeightMatrix = constant(WinogradMatrices.flippedWeights());
  private final Map<WeightKey, WinogradWeights> weights = new HashMap<>();
  private final PlanCache<WinogradBlock.Key, Plan> plans = new PlanCache<>(CAPACITY);
  private final WinogradWeightGradient weightGradient;
  private long count;

  /**
   * Makes an empty cache of plans.
   *
   * @param context engine and stream
   * @param workers the threads that share the blocks
   * @param use where this is used
   */
  public WinogradConvolution(OneDnnContext context, Workers workers, Use use) {
    this.context = context;
    this.workers = workers;
    this.use = use;
    weightGradient =
        new WinogradWeightGradient(
            context,
            workers,
            inputMatrix,
            constant(WinogradMatrices.outputGradient()),
            constant(WinogradMatrices.weightGradient()));
  }

  private MemorySegment constant(float[] values) {
    MemorySegment segment = arena.allocate((long) values.length * Float.BYTES, 64);
    return segment.copyFrom(MemorySegment.ofArray(values));
  }

  /**
   * {@return whether a convolution and its gradients are computed here} It depends on the shape
   * alone, so that a run that resumes computes the same bits.
   *
   * @param shape of the convolution
   */
  boolean suits(ConvolutionShape shape) {
    boolean possible =
        shape.type() == DType.F32
            && shape.outType() == DType.F32
            && shape.kernel() == WinogradMatrices.KERNEL
            && shape.stride() == 1
            && shape.padding() == 1
            && shape.dilation() == 1;
    return possible
        && switch (use) {
          case NEVER -> false;
          case WHEREVER_POSSIBLE -> true;
          case WHERE_FASTER ->
              Math.min(shape.in(), shape.out()) >= MIN_CHANNELS
                  && tiles(shape).count() >= MIN_TILES;
        };
  }

  private static WinogradTiles tiles(ConvolutionShape shape) {
    return new WinogradTiles(shape.images(), shape.height(), shape.width());
  }

  /**
   * {@return the form of the weights that a convolution reads}
   *
   * @param shape of the convolution
   * @param direction itself or its gradient
   */
  PackedWeights.Form weights(ConvolutionShape shape, Direction direction) {
    return weights.computeIfAbsent(
        new WeightKey(direction, shape.out(), shape.in()),
        key ->
            new WinogradWeights(
                context,
                direction,
                key.out,
                key.in,
                direction == Direction.FORWARD ? weightMatrix : flippedWeightMatrix));
  }

  /**
   * Convolves.
   *
   * @param shape of the convolution
   * @param x {@code [N,H,W,I]}
   * @param weights in the form for this direction
   * @param shift {@code [O]}, or null
   * @param residual like y, or null; it may be y
   * @param activation applied last
   * @param y {@code [N,H,W,O]}, written
   */
  void forward(
      ConvolutionShape shape,
      MemorySegment x,
      MemorySegment weights,
      MemorySegment shift,
      MemorySegment residual,
      Activation activation,
      MemorySegment y) {
    Operands operands = new Operands(tiles(shape), x, weights, shift, residual, y);
    run(operands, shape.in(), shape.out(), activation);
  }

  /**
   * Computes the gradient by the input: a convolution with the weights flipped.
   *
   * @param shape of the convolution
   * @param dy {@code [N,H,W,O]}
   * @param weights in the form for this direction
   * @param addend like dx, or null; it may be dx
   * @param dx {@code [N,H,W,I]}, written
   */
  void backwardData(
      ConvolutionShape shape,
      MemorySegment dy,
      MemorySegment weights,
      MemorySegment addend,
      MemorySegment dx) {
    Operands operands = new Operands(tiles(shape), dy, weights, null, addend, dx);
    run(operands, shape.out(), shape.in(), Activation.NONE);
  }

  /**
   * Adds the gradient by the weights.
   *
   * @param shape of the convolution
   * @param x {@code [N,H,W,I]}
   * @param dy {@code [N,H,W,O]}
   * @param dWeight {@code [O,3,3,I]}, added to
   */
  void backwardWeight(
      ConvolutionShape shape, MemorySegment x, MemorySegment dy, MemorySegment dWeight) {
    count++;
    weightGradient.accumulate(tiles(shape), shape.in(), shape.out(), x, dy, dWeight);
  }

  private void run(Operands operands, long in, long out, Activation activation) {
    context.enter();
    try {
      runNow(operands, in, out, activation);
    } finally {
      context.exit();
    }
  }

  private void runNow(Operands operands, long in, long out, Activation activation) {
    count++;
    long total = operands.tiles().count();
    int threads = workers.parallelism();
    int size = blockTiles(total, threads);
    WinogradBlock.Key key =
        new WinogradBlock.Key(
            size, in, out, operands.shift() != null, operands.residual() != null, activation);
    Plan plan = plans.get(key, this::describe);
    long blocks = Math.ceilDiv(total, size);
    long busy = Math.min(threads, blocks);
    long roomBytes = plan.blocks.getFirst().roomBytes();
    AtomicLong next = new AtomicLong();
    try (Buffer room = context.pool().take(busy * roomBytes)) {
      workers.rows(
          busy,
          1,
          (from, to) -> {
            for (int thread = (int) from; thread < to; thread++) {
              MemorySegment own = room.segment().asSlice(thread * roomBytes, roomBytes);
              for (long i = next.getAndIncrement(); i < blocks; i = next.getAndIncrement()) {
                plan.blocks.get(thread).compute(operands, i * size, own);
              }
            }
          });
    }
  }

  /** The tiles of a block: as many blocks as the threads do in full rounds, about the same size. */
  private static int blockTiles(long total, int threads) {
    long most = threads * Math.clamp(TILES_AT_ONCE / threads, MIN_BLOCK_TILES, BLOCK_TILES);
    long rounds = Math.ceilDiv(total, most);
    return (int) Math.max(MIN_BLOCK_TILES, inSteps(Math.ceilDiv(total, rounds * threads)));
  }

  /** Rounds up, so that few plans serve all sizes of maps. */
  static long inSteps(long tiles) {
    return Math.ceilDiv(tiles, TILE_STEP) * TILE_STEP;
  }

  private Plan describe(WinogradBlock.Key key) {
    List<WinogradBlock> blocks = new ArrayList<>();
    try {
      OpenMpTeam.alone(
          () -> {
            for (int i = 0; i < workers.parallelism(); i++) {
              blocks.add(new WinogradBlock(context, key, inputMatrix, outputMatrix));
            }
          });
    } catch (RuntimeException | Error e) {
      Closing.all(blocks);
      throw e;
    }
    return new Plan(blocks);
  }

  /** {@return where this is used} */
  public Use use() {
    return use;
  }

  /** {@return how many convolutions and gradients were computed here} */
  public long count() {
    return count;
  }

  /** {@return how many plans are kept} */
  int planCount() {
    return plans.size() + weightGradient.planCount();
  }

  @Override
  public void close() {
    Closing.all(plans, weightGradient, () -> Closing.all(weights.values()), arena::close);
  }
}
