package dev.cocoli.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Shape;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/**
 * The check for values that are no finite numbers, at every place of arrays of odd and even size.
 */
class FloatValuesTest {
  private static final int LONGER_THAN_A_PIECE = (1 << 14) + 3;

  private static boolean areFinite(float... values) {
    MemorySegment data = MemorySegment.ofArray(values);
    return FloatValues.areFinite(new Safetensors.Entry(DType.F32, Shape.of(values.length), data));
  }

  @Test
  void everyKindOfValueIsToldFromNumbers() {
    for (float value :
        new float[] {
          0, -0f, Float.MIN_VALUE, -Float.MIN_NORMAL, Float.MAX_VALUE, -Float.MAX_VALUE
        }) {
      assertEquals(true, areFinite(value, value, value, value), "" + value);
    }
    float quiet = Float.intBitsToFloat(0xFFC00001);
    for (float value :
        new float[] {Float.NaN, quiet, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
      for (int size = 1; size < 6; size++) {
        for (int at = 0; at < size; at++) {
          float[] values = new float[size];
          Arrays.fill(values, -Float.MAX_VALUE);
          values[at] = value;
          assertEquals(false, areFinite(values), value + " at " + at + " of " + size);
        }
      }
    }
  }

  @Test
  void longArraysAreReadToTheirEnd() {
    for (int size : new int[] {LONGER_THAN_A_PIECE, LONGER_THAN_A_PIECE + 1}) {
      for (int at : new int[] {0, size / 2, size - 2, size - 1}) {
        float[] values = new float[size];
        assertEquals(true, areFinite(values));
        values[at] = Float.NaN;
        assertEquals(false, areFinite(values), at + " of " + size);
      }
    }
    assertEquals(true, areFinite());
  }
}
