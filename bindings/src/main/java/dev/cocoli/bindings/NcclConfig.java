package dev.cocoli.bindings;

import dev.cocoli.bindings.nccl.Nccl;
import dev.cocoli.bindings.nccl.ncclConfig_t;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Creates NCCL configurations in which every field is undefined, so that the library chooses its
 * value. This is the macro {@code NCCL_CONFIG_INITIALIZER} of nccl.h, which jextract cannot
 * translate.
 */
public final class NcclConfig {
  private NcclConfig() {}

  /**
   * Creates a configuration; its fields are set with {@link ncclConfig_t}.
   *
   * @param arena the owner of its memory
   * @return a structure for {@code ncclCommInitRankConfig}
   */
  public static MemorySegment allocate(Arena arena) {
    MemorySegment config = ncclConfig_t.allocate(arena);
    // 0 is a value; an unset field is NULL or NCCL_CONFIG_UNDEF_INT
    int undefined = Nccl.NCCL_CONFIG_UNDEF_INT();
    ncclConfig_t.size(config, ncclConfig_t.sizeof());
    ncclConfig_t.magic(config, Nccl.NCCL_API_MAGIC());
    ncclConfig_t.version(config, Nccl.NCCL_VERSION_CODE());
    ncclConfig_t.blocking(config, undefined);
    ncclConfig_t.cgaClusterSize(config, undefined);
    ncclConfig_t.minCTAs(config, undefined);
    ncclConfig_t.maxCTAs(config, undefined);
    ncclConfig_t.netName(config, MemorySegment.NULL);
    ncclConfig_t.splitShare(config, undefined);
    ncclConfig_t.trafficClass(config, undefined);
    ncclConfig_t.commName(config, MemorySegment.NULL);
    ncclConfig_t.collnetEnable(config, undefined);
    ncclConfig_t.CTAPolicy(config, undefined);
    ncclConfig_t.shrinkShare(config, undefined);
    ncclConfig_t.nvlsCTAs(config, undefined);
    ncclConfig_t.nChannelsPerNetPeer(config, undefined);
    ncclConfig_t.nvlinkCentricSched(config, undefined);
    ncclConfig_t.graphUsageMode(config, undefined);
    ncclConfig_t.numRmaCtx(config, undefined);
    ncclConfig_t.maxP2pPeers(config, undefined);
    ncclConfig_t.graphStreamOrdering(config, undefined);
    return config;
  }
}
