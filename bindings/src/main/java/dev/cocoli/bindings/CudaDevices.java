package dev.cocoli.bindings;

import dev.cocoli.bindings.cudart.CudaRuntime;
import dev.cocoli.bindings.status.CudaStatus;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/** Lists the GPUs without starting work on any of them. */
final class CudaDevices {
  private static final long TEXT_BYTE_SIZE = 256;

  /** The release since which the driver's functions called below have their present signatures. */
  private static final int DRIVER_CALL_VERSION = 12_000;

  private CudaDevices() {}

  /** The devices, or the reason why there are none. */
  static DoctorReport.Cuda examine() {
    try {
      NvidiaLibraries.load(NvidiaLibrary.CUDA_RUNTIME);
    } catch (NativeException e) {
      OptionalInt newest = CudaDriver.newestCuda();
      Optional<String> driver =
          newest.isPresent()
              ? Optional.of(LibraryVersions.cuda(newest.getAsInt()))
              : Optional.empty();
      return new DoctorReport.Cuda(
          driver, Optional.empty(), List.of(), Optional.of(e.getMessage()));
    }
    String runtime = LibraryVersions.cuda(LibraryVersions.cudaRuntime());
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.JAVA_LONG);
      Optional<String> driver = driverVersion(out);
      int error = CudaRuntime.cudaGetDeviceCount(out);
      if (error != 0) {
        String problem =
            driver.isEmpty()
                ? "there is no NVIDIA driver; install it (https://www.nvidia.com/drivers), and for"
                    + " a container the NVIDIA Container Toolkit on its host"
                : CudaStatus.name(error) + ", " + CudaStatus.text(error);
        return new DoctorReport.Cuda(driver, Optional.of(runtime), List.of(), Optional.of(problem));
      }
      List<DoctorReport.CudaDevice> devices = new ArrayList<>();
      int count = out.get(ValueLayout.JAVA_INT, 0);
      for (int i = 0; i < count; i++) {
        devices.add(device(i, arena));
      }
      return new DoctorReport.Cuda(driver, Optional.of(runtime), devices, Optional.empty());
    } catch (NativeException e) {
      return new DoctorReport.Cuda(
          Optional.empty(), Optional.of(runtime), List.of(), Optional.of(e.getMessage()));
    }
  }

  private static Optional<String> driverVersion(MemorySegment out) {
    CudaStatus.check("cudaDriverGetVersion", CudaRuntime.cudaDriverGetVersion(out));
    int version = out.get(ValueLayout.JAVA_INT, 0);
    return version == 0 ? Optional.empty() : Optional.of(LibraryVersions.cuda(version));
  }

  private static DoctorReport.CudaDevice device(int index, Arena arena) {
    MemorySegment text = arena.allocate(TEXT_BYTE_SIZE);
    CudaStatus.check(
        "cudaDeviceGetPCIBusId",
        CudaRuntime.cudaDeviceGetPCIBusId(text, (int) TEXT_BYTE_SIZE, index));
    String pciBusId = text.getString(0);
    callDriver(
        "cuDeviceGetName",
        FunctionDescriptor.of(
            ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT),
        arena,
        text,
        (int) TEXT_BYTE_SIZE,
        index);
    MemorySegment memory = arena.allocate(ValueLayout.JAVA_LONG);
    callDriver(
        "cuDeviceTotalMem",
        FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT),
        arena,
        memory,
        index);
    return new DoctorReport.CudaDevice(
        index,
        text.getString(0),
        pciBusId,
        attribute(CudaRuntime.cudaDevAttrComputeCapabilityMajor(), index, arena),
        attribute(CudaRuntime.cudaDevAttrComputeCapabilityMinor(), index, arena),
        attribute(CudaRuntime.cudaDevAttrMultiProcessorCount(), index, arena),
        memory.get(ValueLayout.JAVA_LONG, 0));
  }

  private static int attribute(int attribute, int device, Arena arena) {
    MemorySegment out = arena.allocate(ValueLayout.JAVA_INT);
    CudaStatus.check(
        "cudaDeviceGetAttribute", CudaRuntime.cudaDeviceGetAttribute(out, attribute, device));
    return out.get(ValueLayout.JAVA_INT, 0);
  }

  /**
   * Calls the driver, because its results, unlike the runtime's, do not depend on the layout of
   * cudaDeviceProp. Both number the devices alike.
   */
  private static void callDriver(
      String name, FunctionDescriptor descriptor, Arena arena, Object... arguments) {
    MemorySegment function = arena.allocate(ValueLayout.ADDRESS);
    MemorySegment status = arena.allocate(ValueLayout.JAVA_INT);
    CudaStatus.check(
        "cudaGetDriverEntryPointByVersion",
        CudaRuntime.cudaGetDriverEntryPointByVersion(
            arena.allocateFrom(name),
            function,
            DRIVER_CALL_VERSION,
            CudaRuntime.cudaEnableDefault(),
            status));
    MethodHandle call =
        Linker.nativeLinker().downcallHandle(function.get(ValueLayout.ADDRESS, 0), descriptor);
    int code;
    try {
      code = (int) call.invokeWithArguments(arguments);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError("a downcall throws nothing else", e);
    }
    if (code != 0) {
      throw new NativeException("CUDA driver", name, code, "CUresult", "see CUresult in cuda.h");
    }
  }
}
