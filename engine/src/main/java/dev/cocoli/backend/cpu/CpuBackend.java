package dev.cocoli.backend.cpu;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.Closing;
import dev.cocoli.backend.Constants;
import dev.cocoli.backend.cpu.loops.BatchNormSums;
import dev.cocoli.backend.cpu.loops.ElementwiseLoops;
import dev.cocoli.backend.cpu.loops.ImageLoops;
import dev.cocoli.backend.cpu.loops.LossLoops;
import dev.cocoli.backend.cpu.loops.MatchLoops;
import dev.cocoli.backend.cpu.loops.MemoryLoops;
import dev.cocoli.backend.cpu.loops.PatchLoops;
import dev.cocoli.backend.cpu.loops.ProposalLoops;
import dev.cocoli.backend.cpu.loops.RegionLoops;
import dev.cocoli.backend.cpu.loops.UpdateLoops;
import dev.cocoli.backend.cpu.loops.UpsampleLoops;
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
public final class CpuBackend implements Backend {
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
  private final UpsampleLoops upsampling;
  private final ImageLoops images;
  private final ProposalLoops proposals;
  private final MatchLoops matching;
  private final RegionLoops regions;
  private final PatchLoops patches;
  private final LossLoops losses;
  private final UpdateLoops updates;
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
    upsampling = new UpsampleLoops(workers);
    images = new ImageLoops(workers);
    proposals = new ProposalLoops(workers);
    matching = new MatchLoops(workers);
    regions = new RegionLoops(workers, pool, copies);
    patches = new PatchLoops(workers);
    losses = new LossLoops(workers);
    updates = new UpdateLoops(workers);
  }

  /**
   * Opens one of several backends that compute at once, each with its part of the threads, for the
   * calling thread: oneDNN computes with as many as the thread that calls it was given here.
   *
   * @param replicas how many there are
   * @return the backend; the calling thread alone may use it
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
    requireOpen();
    return pool;
  }

  @Override
  public Constants constants() {
    requireOpen();
    return constants;
  }

  @Override
  public Buffer allocate(long byteSize) {
    requireOpen();
    return packedWeights.remember(memory.allocate(byteSize));
  }

  /**
   * {@return how many pieces of memory are held from the system: those of {@link #allocate}, the
   * pool's chunks and the packed weights; for tests}
   */
  public long liveBuffers() {
    return memory.liveBuffers();
  }

  @Override
  public CpuTransfers transfers() {
    requireOpen();
    return transfers;
  }

  @Override
  public MemoryLoops copies() {
    requireOpen();
    return copies;
  }

  @Override
  public OneDnnConvolution convolutions() {
    requireOpen();
    return convolutions;
  }

  @Override
  public OneDnnLinear dense() {
    requireOpen();
    return dense;
  }

  @Override
  public OneDnnBatchNorm norms() {
    requireOpen();
    return norms;
  }

  @Override
  public SplitOneDnnBatchNorm splitBatchNorm() {
    requireOpen();
    return splitBatchNorm;
  }

  @Override
  public OneDnnElementwise elementwise() {
    requireOpen();
    return elementwise;
  }

  @Override
  public OneDnnPooling pooling() {
    requireOpen();
    return pooling;
  }

  @Override
  public UpsampleLoops upsampling() {
    requireOpen();
    return upsampling;
  }

  @Override
  public ImageLoops images() {
    requireOpen();
    return images;
  }

  @Override
  public ProposalLoops proposals() {
    requireOpen();
    return proposals;
  }

  @Override
  public MatchLoops matching() {
    requireOpen();
    return matching;
  }

  @Override
  public RegionLoops regions() {
    requireOpen();
    return regions;
  }

  @Override
  public PatchLoops patches() {
    requireOpen();
    return patches;
  }

  @Override
  public LossLoops losses() {
    requireOpen();
    return losses;
  }

  @Override
  public UpdateLoops updates() {
    requireOpen();
    return updates;
  }

  private void requireOpen() {
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
