package dev.cocoli.backend.cuda.kernels;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.primitives.Images;
import dev.cocoli.backend.primitives.Losses;
import dev.cocoli.backend.primitives.Matching;
import dev.cocoli.backend.primitives.Norms;
import dev.cocoli.backend.primitives.Patches;
import dev.cocoli.backend.primitives.Pooling;
import dev.cocoli.backend.primitives.Proposals;
import dev.cocoli.backend.primitives.Regions;
import dev.cocoli.backend.primitives.Updates;
import dev.cocoli.backend.primitives.Upsampling;

/**
 * The facets that kernels of our own compute. A subclass adds those that need a library or a
 * driver: transfers, convolutions and dense layers. So the tests run all of this on the host, with
 * the same kernels compiled for it.
 */
public abstract class KernelBackend implements Backend {
  private final MemoryKernels copies;
  private final BatchNormKernels norms;
  private final SplitBatchNormKernels splitBatchNorm;
  private final ElementwiseKernels elementwise;
  private final PoolingKernels pooling;
  private final UpsampleKernels upsampling;
  private final ImageKernels images;
  private final ProposalKernels proposals;
  private final MatchKernels matching;
  private final RegionKernels regions;
  private final PatchKernels patches;
  private final LossKernels losses;
  private final UpdateKernels updates;

  /**
   * Prepares the kernels; none is compiled before its first use.
   *
   * @param queue where they go
   * @param pool where they take scratch memory from, which the queue's order protects
   * @param summation how they add what comes in any order
   */
  public KernelBackend(DeviceQueue queue, BufferPool pool, Summation summation) {
    KernelCall call = new KernelCall(queue);
    copies = new MemoryKernels(call);
    norms = new BatchNormKernels(call, pool);
    splitBatchNorm = new SplitBatchNormKernels(call, pool, norms);
    elementwise = new ElementwiseKernels(call, pool);
    pooling = new PoolingKernels(call);
    upsampling = new UpsampleKernels(call);
    images = new ImageKernels(call);
    proposals = new ProposalKernels(call, pool);
    matching = new MatchKernels(call, pool);
    regions = new RegionKernels(call, pool, summation);
    patches = new PatchKernels(call, pool);
    losses = new LossKernels(call, pool);
    updates = new UpdateKernels(call, pool);
  }

  @Override
  public MemoryKernels copies() {
    return copies;
  }

  @Override
  public Norms norms() {
    return norms;
  }

  @Override
  public SplitBatchNormKernels splitBatchNorm() {
    return splitBatchNorm;
  }

  @Override
  public ElementwiseKernels elementwise() {
    return elementwise;
  }

  @Override
  public Pooling pooling() {
    return pooling;
  }

  @Override
  public Upsampling upsampling() {
    return upsampling;
  }

  @Override
  public Images images() {
    return images;
  }

  @Override
  public Proposals proposals() {
    return proposals;
  }

  @Override
  public Matching matching() {
    return matching;
  }

  @Override
  public Regions regions() {
    return regions;
  }

  @Override
  public Patches patches() {
    return patches;
  }

  @Override
  public Losses losses() {
    return losses;
  }

  @Override
  public Updates updates() {
    return updates;
  }
}
