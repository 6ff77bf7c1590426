package dev.cocoli.testing;

import dev.cocoli.distributed.Communicator;
import dev.cocoli.distributed.Communicator.Reduction;

/** Every collective that makes a rank wait. */
public enum Collective {
  ALL_REDUCE("all-reduce (sum) of 5 F32") {
    @Override
    public void call(Communicator communicator, TestTensors tensors) {
      communicator.startAllReduce(tensors.floats(new float[5]), Reduction.SUM);
      communicator.awaitAllReduces();
      communicator.barrier(); // a device may have only queued the reduction
    }
  },
  BROADCAST("broadcast of 20 bytes from rank 1") {
    @Override
    public void call(Communicator communicator, TestTensors tensors) {
      communicator.broadcast(tensors.floats(new float[5]), 1);
      communicator.barrier(); // likewise
    }
  },
  ALL_GATHER("all-gather") {
    @Override
    public void call(Communicator communicator, TestTensors tensors) {
      communicator.allGather(new byte[3]);
    }
  },
  BARRIER("barrier") {
    @Override
    public void call(Communicator communicator, TestTensors tensors) {
      communicator.barrier();
    }
  };

  /** The words for it in messages. */
  public final String what;

  Collective(String what) {
    this.what = what;
  }

  public abstract void call(Communicator communicator, TestTensors tensors);
}
