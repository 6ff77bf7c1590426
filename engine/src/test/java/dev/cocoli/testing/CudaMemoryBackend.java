package dev.cocoli.testing;

import dev.cocoli.backend.Backend;
import dev.cocoli.bindings.cudart.CudaRuntime;
import dev.cocoli.bindings.status.CudaStatus;
import dev.cocoli.tensor.Buffer;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;

/** A backend with only a GPU's memory and a stream, which suffices for a communicator's tests. */
final class CudaMemoryBackend implements AutoCloseable {
  private final Device device;
  private final MemorySegment stream;

  CudaMemoryBackend(int index) {
    device = new Device(Device.Kind.CUDA, index);
    stream = pointer("cudaStreamCreateWithFlags", CudaMemoryBackend::createStream);
  }

  private static int createStream(MemorySegment out) {
    return CudaRuntime.cudaStreamCreateWithFlags(out, CudaRuntime.cudaStreamNonBlocking());
  }

  private interface Creation {
    int apply(MemorySegment out);
  }

  private MemorySegment pointer(String call, Creation creation) {
    CudaStatus.check("cudaSetDevice", CudaRuntime.cudaSetDevice(device.index()));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
      CudaStatus.check(call, creation.apply(out));
      return out.get(ValueLayout.ADDRESS, 0);
    }
  }

  MemorySegment stream() {
    return stream;
  }

  Backend backend() {
    return (Backend)
        Proxy.newProxyInstance(
            getClass().getClassLoader(), new Class<?>[] {Backend.class}, this::invoke);
  }

  private Object invoke(Object proxy, Method method, Object[] arguments) {
    switch (method.getName()) {
      case "device" -> {
        return device;
      }
      case "allocate" -> {
        return allocate((Long) arguments[0]);
      }
      case "upload" -> {
        copy(((Tensor) arguments[1]).segment(), (MemorySegment) arguments[0]);
        synchronize();
      }
      case "download" -> {
        copy((MemorySegment) arguments[1], ((Tensor) arguments[0]).segment());
        synchronize();
      }
      case "copy" -> copy(((Tensor) arguments[1]).segment(), ((Tensor) arguments[0]).segment());
      case "synchronize" -> synchronize();
      default -> throw new UnsupportedOperationException(method.getName());
    }
    return null;
  }

  private Buffer allocate(long byteSize) {
    MemorySegment memory =
        pointer("cudaMalloc", out -> CudaRuntime.cudaMalloc(out, Math.max(1, byteSize)));
    CudaStatus.check("cudaMemsetAsync", CudaRuntime.cudaMemsetAsync(memory, 0, byteSize, stream));
    return new Buffer(
        device,
        memory.reinterpret(byteSize),
        () -> CudaStatus.check("cudaFree", CudaRuntime.cudaFree(memory)));
  }

  private void copy(MemorySegment to, MemorySegment from) {
    CudaStatus.check(
        "cudaMemcpyAsync",
        CudaRuntime.cudaMemcpyAsync(
            to, from, to.byteSize(), CudaRuntime.cudaMemcpyDefault(), stream));
  }

  private void synchronize() {
    CudaStatus.check("cudaStreamSynchronize", CudaRuntime.cudaStreamSynchronize(stream));
  }

  @Override
  public void close() {
    CudaStatus.check("cudaStreamDestroy", CudaRuntime.cudaStreamDestroy(stream));
  }
}
