package dev.cocoli.data.image;

import dev.cocoli.bindings.access.NativeAccess;
import java.awt.image.BufferedImage;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.function.Consumer;

/**
 * An RGB image in off-heap memory: unsigned bytes [height, width, 3], row-major, without padding.
 * Its owner closes it, which frees the memory; after that every access to the pixels throws an
 * exception. Any thread may close it: an access that is in progress in {@link #withPixels} ends
 * first.
 */
public final class Image implements AutoCloseable {
  /** The size of Java's largest array, less the header that some virtual machines need. */
  private static final long LARGEST_ARRAY = Integer.MAX_VALUE - 8;

  private final int height;
  private final int width;
  private final MemorySegment memory;

  /** The scope of {@link #pixels}, which are made at their first use: few callers need them. */
  private Arena shared;

  private MemorySegment pixels;
  private int users;
  private boolean closed;

  private Image(int height, int width) {
    this.height = height;
    this.width = width;
    this.memory = OffHeap.allocate(byteSize());
  }

  /**
   * Creates an image from bytes on the heap.
   *
   * @param height rows
   * @param width columns
   * @param rgb [height, width, 3] unsigned bytes, copied
   * @return the image, to be closed by the caller
   */
  public static Image of(int height, int width, byte[] rgb) {
    if (height <= 0 || width <= 0 || rgb.length != 3L * height * width) {
      throw new IllegalArgumentException(
          "an image of %d x %d (height x width) needs %d bytes, not %d"
              .formatted(height, width, 3L * height * width, rgb.length));
    }
    Image image = new Image(height, width);
    image.withPixels(
        pixels -> MemorySegment.copy(rgb, 0, pixels, ValueLayout.JAVA_BYTE, 0, rgb.length));
    return image;
  }

  /**
   * Creates an image from a {@link BufferedImage} of any type. Alpha is dropped, grey becomes three
   * equal channels, 16-bit samples keep their high byte.
   *
   * @param buffered the image, copied; of up to 715,827,879 pixels, as many as a Java array holds
   * @return the image, to be closed by the caller
   * @throws IllegalArgumentException if it has more
   */
  public static Image of(BufferedImage buffered) {
    if (3L * buffered.getHeight() * buffered.getWidth() > LARGEST_ARRAY) {
      throw new IllegalArgumentException(
          "an image of %d x %d is larger than 2 GB in RGB: reduce it, or cut it into pieces"
              .formatted(buffered.getWidth(), buffered.getHeight()));
    }
    return of(buffered.getHeight(), buffered.getWidth(), RgbBytes.of(buffered));
  }

  /** {@return the number of rows} */
  public int height() {
    return height;
  }

  /** {@return the number of columns} */
  public int width() {
    return width;
  }

  private long byteSize() {
    return 3L * height * width;
  }

  /**
   * {@return the unsigned bytes [height, width, 3], for any thread} After {@link #close} their use
   * throws an {@link IllegalStateException}. Closing then stops all threads of the JVM for some
   * microseconds; {@link #withPixels} does without that.
   *
   * @throws IllegalStateException if the image is closed
   */
  public synchronized MemorySegment pixels() {
    requireOpen();
    if (pixels == null) {
      shared = Arena.ofShared();
      pixels = NativeAccess.sized(memory, byteSize(), shared);
    }
    return pixels;
  }

  /**
   * Reads or writes the pixels. If another thread closes the image meanwhile, they stay until the
   * action returns.
   *
   * @param action receives the unsigned bytes [height, width, 3], which only this thread can use,
   *     and only until the action returns
   * @throws IllegalStateException if the image is closed
   */
  public void withPixels(Consumer<MemorySegment> action) {
    enter();
    try (Arena arena = Arena.ofConfined()) {
      action.accept(NativeAccess.sized(memory, byteSize(), arena));
    } finally {
      leave();
    }
  }

  private synchronized void enter() {
    requireOpen();
    users++;
  }

  private synchronized void leave() {
    users--;
    freeIfUnused();
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException("the image of " + width + " x " + height + " is closed");
    }
  }

  private void freeIfUnused() {
    if (closed && users == 0) {
      OffHeap.free(memory, byteSize());
    }
  }

  /** Mirrors the image left to right, in place. */
  public void flipHorizontal() {
    withPixels(this::flipHorizontal);
  }

  private void flipHorizontal(MemorySegment segment) {
    byte[] row = new byte[3 * width];
    for (int y = 0; y < height; y++) {
      long offset = (long) y * row.length;
      MemorySegment.copy(segment, ValueLayout.JAVA_BYTE, offset, row, 0, row.length);
      for (int left = 0, right = row.length - 3; left < right; left += 3, right -= 3) {
        for (int channel = 0; channel < 3; channel++) {
          byte swapped = row[left + channel];
          row[left + channel] = row[right + channel];
          row[right + channel] = swapped;
        }
      }
      MemorySegment.copy(row, 0, segment, ValueLayout.JAVA_BYTE, offset, row.length);
    }
  }

  /** {@return a copy of type {@link BufferedImage#TYPE_INT_RGB}, to draw on or to write} */
  public BufferedImage toBufferedImage() {
    BufferedImage buffered = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    withPixels(segment -> copy(segment, buffered));
    return buffered;
  }

  private void copy(MemorySegment segment, BufferedImage buffered) {
    byte[] bytes = new byte[3 * width];
    int[] row = new int[width];
    for (int y = 0; y < height; y++) {
      MemorySegment.copy(
          segment, ValueLayout.JAVA_BYTE, (long) y * bytes.length, bytes, 0, bytes.length);
      for (int x = 0; x < width; x++) {
        row[x] =
            (bytes[3 * x] & 0xFF) << 16
                | (bytes[3 * x + 1] & 0xFF) << 8
                | (bytes[3 * x + 2] & 0xFF);
      }
      buffered.getRaster().setDataElements(0, y, width, 1, row);
    }
  }

  /**
   * Frees the memory, once no {@link #withPixels} is in progress. A second close does nothing.
   *
   * @throws IllegalStateException if {@link #pixels} are an argument of a native call in progress;
   *     then the image stays open
   */
  @Override
  public synchronized void close() {
    if (!closed) {
      if (shared != null) {
        shared.close();
      }
      closed = true;
      freeIfUnused();
    }
  }

  /**
   * {@return the bytes of all images of this process that are not closed; for leak tests and
   * diagnosis}
   */
  public static long allocatedByteSize() {
    return OffHeap.allocatedByteSize();
  }
}
