package dev.cocoli.backend.cpu;

import dev.cocoli.backend.HostLayouts;
import dev.cocoli.backend.cpu.onednn.OneDnnContext;
import dev.cocoli.backend.cpu.onednn.OneDnnReorder;
import dev.cocoli.backend.primitives.Transfers;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Copies within the host's memory. Not by the workers: it may be confined to the caller. */
final class CpuTransfers implements Transfers {
  private final OneDnnContext context;
  private final OneDnnReorder reorder;
  private long downloadCount;

  CpuTransfers(OneDnnContext context, OneDnnReorder reorder) {
    this.context = context;
    this.reorder = reorder;
  }

  @Override
  public void upload(MemorySegment host, Tensor to) {
    to.requireByteSize(host);
    to.segment().copyFrom(host);
    to.buffer().markWritten();
  }

  @Override
  public void uploadTransposed(MemorySegment host, long outer, long rows, long columns, Tensor to) {
    to.requireByteSize(host);
    if (host.isNative() && rows > 1 && columns > 1) {
      reorder.transpose(host, outer, rows, columns, to.segment());
    } else {
      HostLayouts.transpose(host, to.segment(), outer, rows, columns);
    }
    to.buffer().markWritten();
  }

  @Override
  public void download(Tensor from, MemorySegment host) {
    from.requireByteSize(host);
    downloadCount++;
    host.copyFrom(from.segment());
  }

  @Override
  public long downloadCount() {
    return downloadCount;
  }

  @Override
  public void synchronize() {
    context.synchronize();
  }

  @Override
  public long upperBound(Tensor counts, long capacity) {
    long most = 0;
    for (long i = 0; i < counts.elementCount(); i++) {
      most = Math.max(most, counts.segment().getAtIndex(ValueLayout.JAVA_INT, i));
    }
    return Math.min(most, capacity);
  }
}
