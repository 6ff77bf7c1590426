package dev.cocoli.testing;

import dev.cocoli.backend.Backend;
import dev.cocoli.tensor.Buffer;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Tensors of one test on any backend, made from arrays and read back into arrays; closing frees
 * them. Outputs start with values that no primitive writes, so that a forgotten element shows.
 */
public final class TestTensors implements AutoCloseable {
  private static final int UNWRITTEN = 0x7A7A7A7A;

  private final Backend backend;
  private final List<Buffer> buffers = new ArrayList<>();

  /**
   * Makes an empty set.
   *
   * @param backend where the tensors lie
   */
  public TestTensors(Backend backend) {
    this.backend = backend;
  }

  /** {@return where the tensors lie} */
  public Backend backend() {
    return backend;
  }

  /**
   * {@return an F32 tensor}
   *
   * @param values its elements
   * @param dims its extents; one of them if none are given
   */
  public Tensor floats(float[] values, long... dims) {
    return upload(
        MemorySegment.ofArray(values), DType.F32, dims.length == 0 ? at(values.length) : dims);
  }

  /**
   * {@return a BF16 tensor of rounded values}
   *
   * @param values its elements, before rounding
   * @param dims its extents; one of them if none are given
   */
  public Tensor bfloats(float[] values, long... dims) {
    short[] bits = new short[values.length];
    for (int i = 0; i < values.length; i++) {
      bits[i] = (short) (Float.floatToRawIntBits(Bf16.round(values[i])) >>> 16);
    }
    return upload(
        MemorySegment.ofArray(bits), DType.BF16, dims.length == 0 ? at(values.length) : dims);
  }

  /**
   * {@return an I32 tensor}
   *
   * @param values its elements
   * @param dims its extents; one of them if none are given
   */
  public Tensor ints(int[] values, long... dims) {
    return upload(
        MemorySegment.ofArray(values), DType.I32, dims.length == 0 ? at(values.length) : dims);
  }

  /**
   * {@return a U8 tensor}
   *
   * @param values its elements
   * @param dims its extents
   */
  public Tensor bytes(byte[] values, long... dims) {
    return upload(MemorySegment.ofArray(values), DType.U8, dims);
  }

  /**
   * {@return an F32 tensor to be written: NaN}
   *
   * @param dims its extents
   */
  public Tensor floatOutput(long... dims) {
    float[] values = new float[Math.toIntExact(Shape.of(dims).elementCount())];
    Arrays.fill(values, Float.NaN);
    return floats(values, dims);
  }

  /**
   * {@return an I32 tensor to be written}
   *
   * @param dims its extents
   */
  public Tensor intOutput(long... dims) {
    int[] values = new int[Math.toIntExact(Shape.of(dims).elementCount())];
    Arrays.fill(values, UNWRITTEN);
    return ints(values, dims);
  }

  /**
   * {@return the elements of a tensor of F32 or BF16}
   *
   * @param tensor the tensor
   */
  public float[] floats(Tensor tensor) {
    try (Arena arena = Arena.ofConfined()) {
      if (tensor.dtype() == DType.BF16) {
        short[] bits = download(tensor, arena).toArray(ValueLayout.JAVA_SHORT);
        float[] values = new float[bits.length];
        for (int i = 0; i < bits.length; i++) {
          values[i] = Float.intBitsToFloat(bits[i] << 16);
        }
        return values;
      }
      return download(tensor, arena).toArray(ValueLayout.JAVA_FLOAT);
    }
  }

  /**
   * {@return the elements of an I32 tensor}
   *
   * @param tensor the tensor
   */
  public int[] ints(Tensor tensor) {
    try (Arena arena = Arena.ofConfined()) {
      return download(tensor, arena).toArray(ValueLayout.JAVA_INT);
    }
  }

  /**
   * {@return the elements of a U8 tensor}
   *
   * @param tensor the tensor
   */
  public byte[] bytes(Tensor tensor) {
    try (Arena arena = Arena.ofConfined()) {
      return download(tensor, arena).toArray(ValueLayout.JAVA_BYTE);
    }
  }

  private MemorySegment download(Tensor tensor, Arena arena) {
    MemorySegment host = arena.allocate(tensor.byteSize(), 64);
    backend.transfers().download(tensor, host);
    return host;
  }

  private Tensor upload(MemorySegment array, DType dtype, long[] dims) {
    // an empty tensor needs an address too
    Buffer buffer = backend.allocate(Math.max(64, array.byteSize()));
    buffers.add(buffer);
    Tensor tensor = new Tensor(buffer, 0, Shape.of(dims), dtype);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocate(array.byteSize(), 64).copyFrom(array);
      backend.transfers().upload(host, tensor);
    }
    return tensor;
  }

  private static long[] at(long count) {
    return new long[] {count};
  }

  @Override
  public void close() {
    backend.transfers().synchronize();
    buffers.forEach(Buffer::close);
    buffers.clear();
  }
}
