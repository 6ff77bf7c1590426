package dev.cocoli.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.bindings.cublas.Cublas;
import dev.cocoli.bindings.cudart.CudaRuntime;
import dev.cocoli.bindings.cudnn.Cudnn;
import dev.cocoli.bindings.nccl.Nccl;
import dev.cocoli.bindings.nccl.ncclConfig_t;
import dev.cocoli.bindings.nccl.ncclUniqueId;
import dev.cocoli.bindings.nvrtc.Nvrtc;
import dev.cocoli.bindings.status.CublasStatus;
import dev.cocoli.bindings.status.CudaStatus;
import dev.cocoli.bindings.status.CudnnStatus;
import dev.cocoli.bindings.status.NcclStatus;
import dev.cocoli.bindings.status.NvrtcStatus;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** Calls each library in a way that needs no GPU. */
class NvidiaLibrariesTest {
  @Test
  void cudaRuntimeTellsItsVersionAndItsErrors() {
    Installed.require(NvidiaLibrary.CUDA_RUNTIME);
    String version = NvidiaLibraries.report(NvidiaLibrary.CUDA_RUNTIME).version().orElseThrow();
    assertTrue(version.startsWith("12.") || version.startsWith("13."), version);
    NativeException e =
        assertThrows(
            NativeException.class,
            () -> CudaStatus.check("cudaMalloc", CudaRuntime.cudaErrorMemoryAllocation()));
    assertEquals("cudaErrorMemoryAllocation", e.symbolicName());
    assertEquals("out of memory", e.text());
  }

  @Test
  void cublasTellsItsVersionAndItsErrors() {
    Installed.require(NvidiaLibrary.CUBLAS);
    String version = NvidiaLibraries.report(NvidiaLibrary.CUBLAS).version().orElseThrow();
    assertTrue(version.matches("1[23]\\.\\d+\\.\\d+"), version);
    assertEquals(version, NvidiaLibraries.report(NvidiaLibrary.CUBLAS_LT).version().orElseThrow());
    NativeException e =
        assertThrows(
            NativeException.class,
            () -> CublasStatus.check("cublasGemmEx", Cublas.CUBLAS_STATUS_INVALID_VALUE()));
    assertEquals("CUBLAS_STATUS_INVALID_VALUE", e.symbolicName());
  }

  @Test
  void cudnnKeepsWhatATensorDescriptorIsGiven() {
    Installed.require(NvidiaLibrary.CUDNN);
    assertTrue(
        NvidiaLibraries.report(NvidiaLibrary.CUDNN).version().orElseThrow().startsWith("9."));
    int[] dims = {2, 3, 5, 7};
    int[] strides = {105, 1, 21, 3}; // NHWC
    try (Arena arena = Arena.ofConfined();
        NativeHandle tensor = tensorDescriptor()) {
      CudnnStatus.check(
          "cudnnSetTensorNdDescriptor",
          Cudnn.cudnnSetTensorNdDescriptor(
              tensor.pointer(),
              Cudnn.CUDNN_DATA_BFLOAT16(),
              dims.length,
              arena.allocateFrom(ValueLayout.JAVA_INT, dims),
              arena.allocateFrom(ValueLayout.JAVA_INT, strides)));
      MemorySegment type = arena.allocate(ValueLayout.JAVA_INT);
      MemorySegment count = arena.allocate(ValueLayout.JAVA_INT);
      MemorySegment dimsBack = arena.allocate(ValueLayout.JAVA_INT, dims.length);
      MemorySegment stridesBack = arena.allocate(ValueLayout.JAVA_INT, dims.length);
      CudnnStatus.check(
          "cudnnGetTensorNdDescriptor",
          Cudnn.cudnnGetTensorNdDescriptor(
              tensor.pointer(), dims.length, type, count, dimsBack, stridesBack));
      assertEquals(Cudnn.CUDNN_DATA_BFLOAT16(), type.get(ValueLayout.JAVA_INT, 0));
      assertEquals(dims.length, count.get(ValueLayout.JAVA_INT, 0));
      assertEquals(Arrays.toString(dims), Arrays.toString(dimsBack.toArray(ValueLayout.JAVA_INT)));
      assertEquals(
          Arrays.toString(strides), Arrays.toString(stridesBack.toArray(ValueLayout.JAVA_INT)));
    }
  }

  @Test
  void cudnnNamesARefusedCall() {
    Installed.require(NvidiaLibrary.CUDNN);
    try (NativeHandle tensor = tensorDescriptor()) {
      int status =
          Cudnn.cudnnSetTensor4dDescriptor(
              tensor.pointer(), Cudnn.CUDNN_TENSOR_NHWC(), 0, -1, 1, 1, 1);
      NativeException e =
          assertThrows(
              NativeException.class, () -> CudnnStatus.check("cudnnSetTensor4dDescriptor", status));
      assertTrue(e.symbolicName().startsWith("CUDNN_STATUS_BAD_PARAM"), e.getMessage());
      assertFalse(e.text().isBlank());
    }
  }

  @Test
  void aHandleIsDestroyedOnce() {
    Installed.require(NvidiaLibrary.CUDNN);
    NativeHandle tensor = tensorDescriptor();
    tensor.close();
    tensor.close();
    assertThrows(IllegalStateException.class, tensor::pointer);
  }

  @Test
  void nvrtcCompilesAKernel() {
    Installed.require(NvidiaLibrary.NVRTC);
    String ptx =
        compile(
            """
            extern "C" __global__ void scale(float* x, float factor, int n) {
              int i = blockIdx.x * blockDim.x + threadIdx.x;
              if (i < n) x[i] *= factor;
            }
            """);
    assertTrue(ptx.contains(".entry scale"), ptx);
  }

  @Test
  void nvrtcShowsTheLogOfABrokenKernel() {
    Installed.require(NvidiaLibrary.NVRTC);
    NativeException e =
        assertThrows(
            NativeException.class, () -> compile("__global__ void f() { undeclared = 1; }"));
    assertEquals("NVRTC_ERROR_COMPILATION", e.symbolicName());
    assertTrue(e.getMessage().contains("undeclared"), e.getMessage());
  }

  @Test
  void ncclMakesAUniqueId() {
    Installed.require(NvidiaLibrary.NCCL);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment first = ncclUniqueId.allocate(arena);
      MemorySegment second = ncclUniqueId.allocate(arena);
      NcclStatus.check("ncclGetUniqueId", Nccl.ncclGetUniqueId(first));
      NcclStatus.check("ncclGetUniqueId", Nccl.ncclGetUniqueId(second));
      assertTrue(first.mismatch(second) >= 0, "two identifiers are the same");
    }
  }

  @Test
  void anEmptyNcclGroupIsAccepted() {
    Installed.require(NvidiaLibrary.NCCL);
    NcclGroup.start();
    NcclGroup.end();
  }

  @Test
  void ncclConfigIsThatOfTheMacro() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment config = NcclConfig.allocate(arena);
      assertEquals(0xcafebeef, ncclConfig_t.magic(config));
      assertEquals(ncclConfig_t.sizeof(), ncclConfig_t.size(config));
      long end = ncclConfig_t.sizeof();
      for (long offset = ncclConfig_t.blocking$offset(); offset < end; offset += Integer.BYTES) {
        int value = config.get(ValueLayout.JAVA_INT, offset);
        boolean isPointer =
            offset - offset % 8 == ncclConfig_t.netName$offset()
                || offset - offset % 8 == ncclConfig_t.commName$offset();
        boolean isPadding = value == 0 && offset == ncclConfig_t.netName$offset() - 4;
        assertEquals(isPointer || isPadding ? 0 : Integer.MIN_VALUE, value, "at " + offset);
      }
    }
  }

  private static NativeHandle tensorDescriptor() {
    return NativeHandle.create(
        CudnnStatus::check,
        "cudnnCreateTensorDescriptor",
        Cudnn::cudnnCreateTensorDescriptor,
        pointer ->
            CudnnStatus.check(
                "cudnnDestroyTensorDescriptor", Cudnn.cudnnDestroyTensorDescriptor(pointer)));
  }

  private static String compile(String source) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment none = MemorySegment.NULL;
      MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
      NvrtcStatus.check(
          "nvrtcCreateProgram",
          Nvrtc.nvrtcCreateProgram(
              out, arena.allocateFrom(source), arena.allocateFrom("test.cu"), 0, none, none));
      MemorySegment program = out.get(ValueLayout.ADDRESS, 0);
      try {
        MemorySegment options =
            arena.allocateFrom(ValueLayout.ADDRESS, arena.allocateFrom("-arch=compute_80"));
        int result = Nvrtc.nvrtcCompileProgram(program, 1, options);
        MemorySegment size = arena.allocate(ValueLayout.JAVA_LONG);
        NvrtcStatus.check("nvrtcGetProgramLogSize", Nvrtc.nvrtcGetProgramLogSize(program, size));
        MemorySegment log = arena.allocate(size.get(ValueLayout.JAVA_LONG, 0));
        NvrtcStatus.check("nvrtcGetProgramLog", Nvrtc.nvrtcGetProgramLog(program, log));
        NvrtcStatus.check("nvrtcCompileProgram", result, log.getString(0));
        NvrtcStatus.check("nvrtcGetPTXSize", Nvrtc.nvrtcGetPTXSize(program, size));
        MemorySegment ptx = arena.allocate(size.get(ValueLayout.JAVA_LONG, 0));
        NvrtcStatus.check("nvrtcGetPTX", Nvrtc.nvrtcGetPTX(program, ptx));
        return ptx.getString(0);
      } finally {
        out.set(ValueLayout.ADDRESS, 0, program);
        NvrtcStatus.check("nvrtcDestroyProgram", Nvrtc.nvrtcDestroyProgram(out));
      }
    }
  }
}
