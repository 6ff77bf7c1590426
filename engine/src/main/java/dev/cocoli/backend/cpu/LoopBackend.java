package dev.cocoli.backend.cpu;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.BufferPool;
import dev.cocoli.backend.cpu.loops.ImageLoops;
import dev.cocoli.backend.cpu.loops.LossLoops;
import dev.cocoli.backend.cpu.loops.MatchLoops;
import dev.cocoli.backend.cpu.loops.MemoryLoops;
import dev.cocoli.backend.cpu.loops.PatchLoops;
import dev.cocoli.backend.cpu.loops.ProposalLoops;
import dev.cocoli.backend.cpu.loops.RegionLoops;
import dev.cocoli.backend.cpu.loops.UpdateLoops;
import dev.cocoli.backend.cpu.loops.UpsampleLoops;

/**
 * The facets of the processor's backend that loops in Java compute; {@link CpuBackend} adds those
 * that oneDNN computes.
 */
abstract class LoopBackend implements Backend {
  private UpsampleLoops upsampling;
  private ImageLoops images;
  private ProposalLoops proposals;
  private MatchLoops matching;
  private RegionLoops regions;
  private PatchLoops patches;
  private LossLoops losses;
  private UpdateLoops updates;

  /**
   * Makes the facets.
   *
   * @param workers their threads
   * @param pool where they take scratch memory from
   * @param copies copies tensors
   */
  final void openLoops(Workers workers, BufferPool pool, MemoryLoops copies) {
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
   * Throws if the backend is closed.
   *
   * @throws IllegalStateException if it is
   */
  abstract void requireOpen();

  /** Returns a part of the backend, unless that is closed. */
  final <T> T open(T part) {
    requireOpen();
    return part;
  }

  @Override
  public UpsampleLoops upsampling() {
    return open(upsampling);
  }

  @Override
  public ImageLoops images() {
    return open(images);
  }

  @Override
  public ProposalLoops proposals() {
    return open(proposals);
  }

  @Override
  public MatchLoops matching() {
    return open(matching);
  }

  @Override
  public RegionLoops regions() {
    return open(regions);
  }

  @Override
  public PatchLoops patches() {
    return open(patches);
  }

  @Override
  public LossLoops losses() {
    return open(losses);
  }

  @Override
  public UpdateLoops updates() {
    return open(updates);
  }
}
