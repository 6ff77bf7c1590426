package dev.cocoli.backend.cpu.loops;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.cocoli.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Some consecutive elements of a tensor, copied to the heap as floats. F32 makes one lane; BF16
 * makes two, of the elements at even places and of those at odd ones: element {@code lanes * j + l}
 * is lane l's j-th.
 *
 * <p>Two lanes, because the compiler vectorises shifts and masks of ints but no conversion between
 * short and int (JDK 25: 4 against 25 elements a nanosecond), and an int holds an even element in
 * its lower half and the next one in its upper half. The bits then become floats by a copy, which
 * it does better than {@link Float#intBitsToFloat}.
 */
public abstract sealed class FloatBlock {
  private final float[][] lanes;
  private int size;

  private FloatBlock(int lanes, int capacity) {
    this.lanes = new float[lanes][(capacity + lanes - 1) / lanes];
  }

  /**
   * {@return room for elements}
   *
   * @param type F32 or BF16
   * @param capacity the most elements
   */
  public static FloatBlock of(DType type, int capacity) {
    return switch (type) {
      case F32 -> new Plain(capacity);
      case BF16 -> new Paired(capacity);
      default -> throw new IllegalArgumentException("no floats: " + type);
    };
  }

  /**
   * {@return the lanes of a type}
   *
   * @param type F32 or BF16
   */
  public static int lanes(DType type) {
    return type == DType.BF16 ? 2 : 1;
  }

  /** {@return how many lanes there are} */
  public int lanes() {
    return lanes.length;
  }

  /**
   * {@return a lane's floats}
   *
   * @param lane which
   */
  public float[] lane(int lane) {
    return lanes[lane];
  }

  /**
   * {@return how many of a lane's floats count}
   *
   * @param lane which
   */
  public int size(int lane) {
    return (size + lanes.length - 1 - lane) / lanes.length;
  }

  /**
   * Reads elements.
   *
   * @param from a tensor's memory
   * @param element the first
   * @param count how many
   */
  public void load(MemorySegment from, long element, int count) {
    size = count;
    read(from, element, count);
  }

  /**
   * Writes the elements that were loaded last, {@link #take}n or {@link #clear}ed; BF16 is rounded
   * to the nearest, ties to even.
   *
   * @param to a tensor's memory
   * @param element the first
   */
  public void store(MemorySegment to, long element) {
    write(to, element, size);
  }

  /**
   * Begins with numbers.
   *
   * @param values the numbers
   * @param count how many
   */
  void take(float[] values, int count) {
    size = count;
    if (lanes.length == 1) {
      System.arraycopy(values, 0, lanes[0], 0, count);
      return;
    }
    for (int l = 0; l < lanes.length; l++) {
      float[] lane = lanes[l];
      int length = size(l);
      for (int j = 0; j < length; j++) {
        lane[j] = values[j * lanes.length + l];
      }
    }
  }

  /**
   * Begins with zeros.
   *
   * @param count how many
   */
  void clear(int count) {
    size = count;
    for (int l = 0; l < lanes.length; l++) {
      Arrays.fill(lanes[l], 0, size(l), 0);
    }
  }

  /**
   * Adds a block of the same type and size.
   *
   * @param other the block
   */
  public void add(FloatBlock other) {
    for (int l = 0; l < lanes.length; l++) {
      ElementwiseLoops.addInto(other.lanes[l], lanes[l], size(l));
    }
  }

  abstract void read(MemorySegment from, long element, int count);

  abstract void write(MemorySegment to, long element, int count);

  private static final class Plain extends FloatBlock {
    Plain(int capacity) {
      super(1, capacity);
    }

    @Override
    void read(MemorySegment from, long element, int count) {
      MemorySegment.copy(from, JAVA_FLOAT, element * Float.BYTES, lane(0), 0, count);
    }

    @Override
    void write(MemorySegment to, long element, int count) {
      MemorySegment.copy(lane(0), 0, to, JAVA_FLOAT, element * Float.BYTES, count);
    }
  }

  private static final class Paired extends FloatBlock {
    private static final int UPPER_HALF = 0xFFFF0000;

    private final int[] pairs;
    private final int[] even;
    private final int[] odd;
    private final MemorySegment evenBits;
    private final MemorySegment oddBits;
    private final MemorySegment evenFloats;
    private final MemorySegment oddFloats;

    Paired(int capacity) {
      super(2, capacity);
      int places = lane(0).length;
      pairs = new int[places];
      even = new int[places];
      odd = new int[places];
      evenBits = MemorySegment.ofArray(even);
      oddBits = MemorySegment.ofArray(odd);
      evenFloats = MemorySegment.ofArray(lane(0));
      oddFloats = MemorySegment.ofArray(lane(1));
    }

    @Override
    void read(MemorySegment from, long element, int count) {
      int whole = count / 2;
      MemorySegment.copy(from, JAVA_INT_UNALIGNED, element * Short.BYTES, pairs, 0, whole);
      int places = whole;
      if (count % 2 != 0) {
        long last = (element + count - 1) * Short.BYTES;
        pairs[places++] = from.get(JAVA_SHORT_UNALIGNED, last) & 0xFFFF;
      }
      lower(pairs, even, places);
      upper(pairs, odd, places);
      MemorySegment.copy(evenBits, 0, evenFloats, 0, (long) places * Float.BYTES);
      MemorySegment.copy(oddBits, 0, oddFloats, 0, (long) places * Float.BYTES);
    }

    @Override
    void write(MemorySegment to, long element, int count) {
      int whole = count / 2;
      int places = whole + count % 2;
      MemorySegment.copy(evenFloats, 0, evenBits, 0, (long) places * Float.BYTES);
      MemorySegment.copy(oddFloats, 0, oddBits, 0, (long) places * Float.BYTES);
      join(even, odd, pairs, places);
      MemorySegment.copy(pairs, 0, to, JAVA_INT_UNALIGNED, element * Short.BYTES, whole);
      if (count % 2 != 0) {
        to.set(JAVA_SHORT_UNALIGNED, (element + count - 1) * Short.BYTES, (short) pairs[whole]);
      }
    }

    private static void lower(int[] pairs, int[] bits, int size) {
      for (int j = 0; j < size; j++) {
        bits[j] = pairs[j] << 16;
      }
    }

    private static void upper(int[] pairs, int[] bits, int size) {
      for (int j = 0; j < size; j++) {
        bits[j] = pairs[j] & UPPER_HALF;
      }
    }

    private static void join(int[] even, int[] odd, int[] pairs, int size) {
      for (int j = 0; j < size; j++) {
        pairs[j] = rounded(even[j]) >>> 16 | rounded(odd[j]) & UPPER_HALF;
      }
    }

    /**
     * The upper half is the nearest BF16; a NaN of arithmetic, whose lower half is 0, stays one.
     */
    private static int rounded(int bits) {
      return bits + 0x7FFF + (bits >>> 16 & 1);
    }
  }
}
