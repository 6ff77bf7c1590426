package dev.cocoli.backend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.backend.primitives.Copies.Columns;
import dev.cocoli.tensor.Buffer;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.TestTensors;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What memory, copies and counts owe on every backend. */
@ParameterizedClass
@MethodSource("dev.cocoli.testing.TestBackends#all")
@Tag("contract")
class MemoryContractTest {
  @Parameter Backend backend;
  private TestTensors tensors;

  @BeforeEach
  void open() {
    tensors = new TestTensors(backend);
  }

  @AfterEach
  void close() {
    tensors.close();
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 4, 1000, 3 << 20})
  void freshMemoryIsZeroAndAligned(long byteSize) {
    for (int i = 0; i < 3; i++) {
      try (Buffer buffer = backend.allocate(byteSize)) {
        assertEquals(byteSize, buffer.byteSize());
        assertEquals(0, buffer.segment().address() % 64);
        Tensor tensor = new Tensor(buffer, 0, Shape.of(byteSize / 4), DType.F32);
        for (float value : tensors.floats(tensor)) {
          assertEquals(0, value);
        }
        backend.copies().fill(tensor, 7);
      }
    }
  }

  @Test
  void whatWasUploadedComesBack() {
    try (Arena arena = Arena.ofConfined()) {
      var host = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 1, 2, 3, 4, 5, 6);
      Tensor x = tensors.floatOutput(2, 3);
      backend.transfers().upload(host, x);
      host.fill((byte) 0);
      long before = backend.transfers().downloadCount();
      backend.transfers().download(x, host);
      assertEquals(before + 1, backend.transfers().downloadCount());
      assertArrayEquals(new float[] {1, 2, 3, 4, 5, 6}, host.toArray(ValueLayout.JAVA_FLOAT));
      assertThrows(
          IllegalArgumentException.class, () -> backend.transfers().upload(host.asSlice(0, 8), x));
      assertThrows(
          IllegalArgumentException.class,
          () -> backend.transfers().download(x, host.asSlice(0, 8)));
    }
  }

  @ParameterizedTest
  @CsvSource({"1,1,1", "2,3,5", "64,3,49", "7,130,9", "5,1,8", "5,8,1", "0,3,5"})
  void uploadsWithTwoAxesTransposed(int outer, int rows, int columns) {
    float[] values = new float[outer * rows * columns];
    float[] wanted = new float[values.length];
    for (int o = 0; o < outer; o++) {
      for (int r = 0; r < rows; r++) {
        for (int c = 0; c < columns; c++) {
          int from = (o * rows + r) * columns + c;
          values[from] = from + 0.25f;
          wanted[(o * columns + c) * rows + r] = values[from];
        }
      }
    }
    Tensor x = tensors.floatOutput(outer, columns, rows);
    long version = x.buffer().version();
    try (Arena arena = Arena.ofConfined()) {
      // as in a file, where nothing is aligned
      MemorySegment host = arena.allocate(values.length * 4L + 1).asSlice(1);
      MemorySegment.copy(values, 0, host, ValueLayout.JAVA_FLOAT_UNALIGNED, 0, values.length);
      backend.transfers().uploadTransposed(host, outer, rows, columns, x);
    }
    assertArrayEquals(wanted, tensors.floats(x), "from native memory");
    assertTrue(x.buffer().version() > version);
    backend.copies().fill(x, -1);
    backend.transfers().uploadTransposed(MemorySegment.ofArray(values), outer, rows, columns, x);
    assertArrayEquals(wanted, tensors.floats(x), "from the heap");
    MemorySegment more = MemorySegment.ofArray(new float[values.length + 1]);
    assertThrows(
        IllegalArgumentException.class,
        () -> backend.transfers().uploadTransposed(more, outer, rows, columns, x));
  }

  @Test
  void fillsBothTypes() {
    Tensor x = tensors.floatOutput(70_001);
    backend.copies().fill(x, -2.5f);
    for (float value : tensors.floats(x)) {
      assertEquals(-2.5f, value);
    }
    backend.copies().fill(x, 0);
    for (float value : tensors.floats(x)) {
      assertEquals(0, value);
    }
    Tensor i = tensors.intOutput(5);
    backend.copies().fill(i, -1);
    assertArrayEquals(new int[] {-1, -1, -1, -1, -1}, tensors.ints(i));
    Tensor rest = i.rows(3, 2);
    backend.copies().fill(rest, 8);
    assertArrayEquals(new int[] {-1, -1, -1, 8, 8}, tensors.ints(i));
  }

  @Test
  void copiesColumns() {
    Tensor from = tensors.floats(new float[] {1, 2, 3, 4, 5, 6}, 2, 3);
    Tensor to = tensors.floats(new float[8], 2, 4);
    backend.copies().copyColumns(from, 1, to, 2, 2);
    assertArrayEquals(new float[] {0, 0, 2, 3, 0, 0, 5, 6}, tensors.floats(to));
    backend.copies().copyColumns(from, 0, to, 0, 0);
    Tensor ints = tensors.ints(new int[] {7, 8}, 2, 1);
    Tensor wide = tensors.ints(new int[6], 2, 3);
    backend.copies().copyColumns(ints, 0, wide, 2, 1);
    assertArrayEquals(new int[] {0, 0, 7, 0, 0, 8}, tensors.ints(wide));
    Tensor none = tensors.floats(new float[0], 0, 3);
    backend.copies().copyColumns(none, 0, tensors.floats(new float[0], 0, 3), 0, 3);
  }

  /** As the maps of a pyramid: of each image's pixels some channels, those of one after others'. */
  @ParameterizedTest
  @CsvSource({"16,0,12", "16,12,3", "15,12,3", "6,2,2", "5,0,5", "1,0,1"})
  void copiesColumnsOfManyMatricesAtOnce(int channels, int first, int columns) {
    int images = 2;
    int[] places = IntStream.range(0, 19).map(i -> i == 3 ? 3000 : i).toArray();
    int width = 4 + columns * IntStream.of(places).sum();
    float[] expected = new float[images * width];
    Tensor to = tensors.floats(expected, images, width);
    List<Columns> all = new ArrayList<>();
    int at = 4;
    for (int count : places) {
      float[] from = new float[images * count * channels];
      for (int i = 0; i < from.length; i++) {
        from[i] = at + i;
      }
      for (int i = 0; i < images * count * columns; i++) {
        int place = i / columns;
        expected[place / count * width + at + i % (count * columns)] =
            from[place * channels + first + i % columns];
      }
      Tensor matrices = tensors.floats(from, images, count, channels);
      all.add(new Columns(matrices, first, to, at, columns));
      at += count * columns;
    }
    backend.copies().copyColumns(all);
    assertArrayEquals(expected, tensors.floats(to));
    backend.copies().copyColumns(List.of());
    assertThrows(
        IllegalArgumentException.class,
        () -> new Columns(tensors.floats(new float[6], 1, 2, 3), 1, to, 0, 3));
  }

  @Test
  void boundsCountsFromAbove() {
    Tensor counts = tensors.ints(new int[] {3, 11, 0});
    long bound = backend.transfers().upperBound(counts, 100);
    assertTrue(bound >= 11 && bound <= 100, "bound " + bound);
    assertTrue(backend.transfers().upperBound(tensors.ints(new int[0], 0), 100) >= 0);
  }

  @Test
  void aScopeGivesEverythingBack() {
    long before = backend.pool().usedBytes();
    try (TensorScope scope = new TensorScope(backend.pool())) {
      Tensor a = scope.allocate(DType.F32, 10, 10);
      Tensor b = scope.allocate(DType.F32, 10, 10);
      backend.copies().fill(a, 1);
      backend.copies().fill(b, 2);
      backend.elementwise().add(a, b, b);
      assertEquals(3, tensors.floats(b)[99]);
      assertEquals(2, scope.liveTensors());
      scope.release(a);
      assertEquals(1, scope.liveTensors());
    }
    assertEquals(before, backend.pool().usedBytes());
  }
}
