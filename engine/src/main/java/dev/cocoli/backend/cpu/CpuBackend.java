package dev.cocoli.backend.cpu;

import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.Closing;
import dev.cocoli.backend.Constants;
import dev.cocoli.backend.cpu.loops.BatchNormSums;
import dev.cocoli.backend.cpu.loops.ElementwiseLoops;
import dev.cocoli.backend.cpu.loops.MemoryLoops;
import dev.cocoli.backend.cpu.onednn.OneDnnBatchNorm;
import dev.cocoli.backend.cpu.onednn.OneDnnContext;
import dev.cocoli.backend.cpu.onednn.OneDnnConvolution;
import dev.cocoli.backend.cpu.onednn.OneDnnElementwise;
import dev.cocoli.backend.cpu.onednn.OneDnnLinear;
import dev.cocoli.backend.cpu.onednn.OneDnnMatmul;
import dev.cocoli.backend.cpu.onednn.OneDnnPooling;
import dev.cocoli.backend.cpu.onednn.OneDnnReorder;
import dev.cocoli.backend.cpu.onednn.OneDnnWeightGradient;
import dev.cocoli.backend.cpu.onednn.PackedWeights;
import dev.cocoli.backend.cpu.onednn.SplitOneDnnBatchNorm;
import dev.cocoli.backend.cpu.onednn.WindowLoops;
import dev.cocoli.backend.cpu.onednn.WinogradConvolution;
import dev.cocoli.tensor.Buffer;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Precision;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The host's processor. Every primitive has run when its call returns. The property {@code
 * cocoli.threads} is the number of threads, for oneDNN and for the loops in Java alike; without it
 * there are as many as the JVM has processors.
 */
public final class CpuBackend extends LoopBackend {
  /** Held while oneDNN works, and by whoever frees memory or closes this. */
  private final ReentrantLock calls = new ReentrantLock();

  private final CpuMemory memory = new CpuMemory(calls);
  private final BufferPool pool = new BufferPool(memory::allocate);
  private final Constants constants;
  private final Workers workers;
  private final OneDnnContext context;
  private final PackedWeights packedWeights;
  private final OneDnnMatmul matmul;
  private final OneDnnReorder reorder;
  private final CpuTransfers transfers;
  private final MemoryLoops copies;
  private final OneDnnConvolution convolutions;
  private final OneDnnLinear dense;
  private final OneDnnBatchNorm norms;
  private final SplitOneDnnBatchNorm splitBatchNorm;
  private final OneDnnElementwise elementwise;
  private final OneDnnPooling pooling;
  private final WinogradConvolution.Use winograd;
  private volatile boolean closed;

  /** Loads oneDNN and starts the threads. */
  public CpuBackend() {
    this(CpuThreads.count());
  }

  /**
   * Loads oneDNN and starts the threads.
   *
   * @param threads how many compute; oneDNN keeps the number it was first loaded with
   */
  public CpuBackend(int threads) {
    this(threads, WinogradConvolution.Use.requested());
  }

  /**
   * Loads oneDNN and starts the threads.
   *
   * @param threads how many compute; oneDNN keeps the number it was first loaded with
   * @param winograd where convolutions are computed with fewer products
   */
  public CpuBackend(int threads, WinogradConvolution.Use winograd) {
    this(threads, winograd, null);
  }

  private CpuBackend(int threads, WinogradConvolution.Use winograd, CpuBackend first) {
    this.winograd = winograd;
    context = new OneDnnContext(CpuThreads.settings(threads), pool, calls);
    workers = new Workers(threads);
    ElementwiseLoops rows = new ElementwiseLoops(workers);
    packedWeights =
        first == null
            ? new PackedWeights(context, rows, memory::allocate)
            : first.packedWeights.sharedWith(context, rows);
    matmul = new OneDnnMatmul(context, packedWeights);
    reorder = new OneDnnReorder(context);
    transfers = new CpuTransfers(context, reorder);
    constants = new Constants(transfers, memory::allocate);
    copies = new MemoryLoops(workers, reorder);
    elementwise = new OneDnnElementwise(context);
    OneDnnWeightGradient weightGradient =
        new OneDnnWeightGradient(
            context, matmul, new WindowLoops(workers), OneDnnWeightGradient.fastest(context));
    convolutions =
        new OneDnnConvolution(
            context,
            packedWeights,
            new WinogradConvolution(context, workers, winograd),
            weightGradient,
            rows,
            elementwise);
    dense = new OneDnnLinear(matmul, rows);
    norms = new OneDnnBatchNorm(context, elementwise, new BatchNormSums(workers));
    splitBatchNorm = new SplitOneDnnBatchNorm(norms);
    pooling = new OneDnnPooling(context);
    openLoops(workers, pool, copies);
  }

  /**
   * {@return one of several backends that compute at once, each with its part of the threads; the
   * calling thread alone may use it}
   *
   * @param replicas how many there are
   */
  public static CpuBackend ofReplica(int replicas) {
    return forCaller(Math.max(1, CpuThreads.count() / replicas));
  }

  /**
   * Opens a backend for the calling thread, which alone may use it: several compute at once, each
   * with its own threads.
   *
   * @param threads how many compute, the calling one included
   * @return the backend
   */
  public static CpuBackend forCaller(int threads) {
    CpuThreads.resizeTeam(threads);
    return new CpuBackend(threads);
  }

  /**
   * Opens another backend for the calling thread, which alone may use it. It computes with weights
   * of this one and shares their packed copies; all else is its own. It is closed before this.
   *
   * @param threads how many compute, the calling one included
   * @return the backend
   */
  public CpuBackend beside(int threads) {
    CpuThreads.resizeTeam(threads);
    return new CpuBackend(threads, winograd, this);
  }

  @Override
  public Device device() {
    return Device.CPU;
  }

  @Override
  public void require(Precision precision) {
    context.require(precision);
  }

  @Override
  public BufferPool pool() {
    return open(pool);
  }

  @Override
  public Constants constants() {
    return open(constants);
  }

  @Override
  public Buffer allocate(long byteSize) {
    requireOpen();
    return packedWeights.remember(memory.allocate(byteSize));
  }

  /** {@return how many pieces of memory are held from the system, pooled or not; for tests} */
  public long liveBuffers() {
    return memory.liveBuffers();
  }

  @Override
  public CpuTransfers transfers() {
    return open(transfers);
  }

  @Override
  public MemoryLoops copies() {
    return open(copies);
  }

  @Override
  public OneDnnConvolution convolutions() {
    return open(convolutions);
  }

  @Override
  public OneDnnLinear dense() {
    return open(dense);
  }

  @Override
  public OneDnnBatchNorm norms() {
    return open(norms);
  }

  @Override
  public SplitOneDnnBatchNorm splitBatchNorm() {
    return open(splitBatchNorm);
  }

  @Override
  public OneDnnElementwise elementwise() {
    return open(elementwise);
  }

  @Override
  public OneDnnPooling pooling() {
    return open(pooling);
  }

  @Override
  void requireOpen() {
    if (closed) {
      throw new IllegalStateException("the backend is closed");
    }
  }

  @Override
  public void close() {
    calls.lock();
    try {
      if (!closed) {
        closed = true;
        // plans before what they were made with, memory last
        Closing.all(
            convolutions,
            matmul,
            pooling,
            reorder,
            norms,
            elementwise,
            packedWeights,
            constants,
            context,
            pool,
            workers);
      }
    } finally {
      calls.unlock();
    }
  }
}
