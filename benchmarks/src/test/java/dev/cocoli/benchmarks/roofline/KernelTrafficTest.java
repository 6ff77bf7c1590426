package dev.cocoli.benchmarks.roofline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;

class KernelTrafficTest {
  private static final long POINTER = 0x7f12_3456_7000L;

  /** The arguments of a kernel: longs and ints, which the caller has aligned. */
  private static KernelArguments arguments(String kernel, Number... fields) {
    ByteBuffer bytes = ByteBuffer.allocate(4096).order(ByteOrder.LITTLE_ENDIAN);
    for (Number field : fields) {
      if (field instanceof Long value) {
        bytes.putLong(value);
      } else {
        bytes.putInt(field.intValue());
      }
    }
    return new KernelArguments(kernel, HexFormat.of().formatHex(bytes.array()));
  }

  private static long bytes(String kernel, long x, long y, Number... fields) {
    return new KernelTraffic(2).bytes(kernel, x, y, arguments(kernel, fields));
  }

  @Test
  void elementsCountInTheTypeOfTheName() {
    assertEquals(3 * 2 * 1000, bytes("add_bf16", 4, 1, POINTER, POINTER, POINTER, 1000L));
    assertEquals(3 * 4 * 1000, bytes("add_f32", 4, 1, POINTER, POINTER, POINTER, 1000L));
  }

  @Test
  void aNullPointerIsNotRead() {
    assertEquals(2 * 2 * 640, bytes("epilogue_bf16", 1, 1, POINTER, 0L, POINTER, 0L, 640L));
    assertEquals(3 * 2 * 640, bytes("epilogue_bf16", 1, 1, POINTER, 0L, POINTER, POINTER, 640L));
  }

  @Test
  void theSumsOfBlocksCountByTheGrid() {
    // 100 rows of 64 channels in 5 parts and 2 groups, whose two sums are written and read
    assertEquals(
        100 * 64 * 2 + 2 * (5 + 2) * 2 * 64 * 8,
        bytes(
            "batch_norm_statistics_wide_bf16",
            5,
            1,
            POINTER,
            POINTER,
            POINTER,
            3L,
            100L,
            20L,
            64,
            3));
  }

  @Test
  void piecesOfAWideKernelAreManyElements() {
    assertEquals(3 * 2 * 8 * 100, bytes("add_at_stride_wide_bf16", 1, 1, POINTER, POINTER, 100L));
    assertEquals(3 * 2 * 100, bytes("add_at_stride_bf16", 1, 1, POINTER, POINTER, 100L));
  }

  @Test
  void aGradientOfRegionsIsWrittenOnce() {
    // two images with a map of 3 x 5, four regions of 7 x 7 bins, 64 channels in 8 packs
    List<Number> fields = new ArrayList<>(List.of(POINTER, 3, 5, 0, 0));
    for (int map = 1; map < 8; map++) {
      fields.addAll(List.of(0L, 0, 0, 0, 0));
    }
    fields.addAll(List.of(POINTER, 4L * 49 * 8, 8, 1, 3, 7, 613566757, 3, 1, 2, 0, 0));
    assertEquals(
        2 * (2 * 3 * 5 * 64 + 4 * 49 * 64),
        bytes("roi_align_backward_wide_bf16", 2, 1, fields.toArray(Number[]::new)));
  }

  @Test
  void anUnknownKernelIsNamed() {
    RooflineException e =
        assertThrows(RooflineException.class, () -> bytes("brand_new_f32", 1, 1, POINTER));
    assertTrue(e.getMessage().contains("brand_new_f32"), e.getMessage());
  }

  @Test
  void argumentsOfAnotherLayoutAreNoticed() {
    // a count where a pointer was
    RooflineException e =
        assertThrows(
            RooflineException.class,
            () -> bytes("add_bf16", 1, 1, POINTER, 1000L, POINTER, POINTER));
    assertTrue(e.getMessage().contains("add_bf16"), e.getMessage());
    assertThrows(
        RooflineException.class, () -> bytes("add_bf16", 1, 1, POINTER, POINTER, POINTER, POINTER));
  }
}
