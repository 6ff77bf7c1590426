package dev.cocoli.data.image;

import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;

/**
 * Where the first frame of a GIF lies on the image that is shown (GIF89a, sections 18 to 20): it
 * may cover a part of it only. As in PIL, the rest has the transparent colour or else the first
 * one, and an image that is smaller than its frame grows.
 *
 * @param canvasWidth columns of the image
 * @param canvasHeight rows of the image
 * @param left first column of the frame
 * @param top first row of the frame
 * @param width columns of the frame
 * @param height rows of the frame
 * @param fill the colour around it, red, green, blue
 */
record GifFrame(
    int canvasWidth, int canvasHeight, int left, int top, int width, int height, byte[] fill) {

  private static final int EXTENSION = 0x21;
  private static final int GRAPHIC_CONTROL = 0xF9;
  private static final int IMAGE = 0x2C;

  /** Reads a file up to the first frame's pixels. */
  static GifFrame read(InputStream stream, String name) throws IOException {
    DataInputStream in = new DataInputStream(stream);
    try {
      in.skipNBytes(6);
      int width = number(in);
      int height = number(in);
      byte[] palette = palette(in, in.readUnsignedByte(), 2);
      int transparent = 0;
      while (true) {
        int block = in.readUnsignedByte();
        if (block == IMAGE) {
          return frame(in, width, height, palette, transparent);
        }
        if (block != EXTENSION) {
          throw new ImageDecodeException(name, "the GIF is broken, it has no frame");
        }
        boolean control = in.readUnsignedByte() == GRAPHIC_CONTROL;
        for (int size = in.readUnsignedByte(); size > 0; size = in.readUnsignedByte()) {
          byte[] body = new byte[size];
          in.readFully(body);
          if (control && size == 4) {
            transparent = (body[0] & 1) == 1 ? body[3] & 0xFF : 0;
          }
        }
      }
    } catch (EOFException e) {
      throw new ImageDecodeException(name, "the GIF is truncated, it ends before its frame", e);
    }
  }

  private static GifFrame frame(
      DataInputStream in, int canvasWidth, int canvasHeight, byte[] global, int transparent)
      throws IOException {
    int left = number(in);
    int top = number(in);
    int width = number(in);
    int height = number(in);
    byte[] local = palette(in, in.readUnsignedByte(), 0);
    byte[] palette = local.length > 0 ? local : global;
    byte[] fill = new byte[3];
    if (3 * transparent + 3 <= palette.length) {
      System.arraycopy(palette, 3 * transparent, fill, 0, 3);
    }
    return new GifFrame(
        Math.max(canvasWidth, left + width),
        Math.max(canvasHeight, top + height),
        left,
        top,
        width,
        height,
        fill);
  }

  /** Reads the palette that flags announce; empty if there is none. */
  private static byte[] palette(DataInputStream in, int flags, int between) throws IOException {
    in.skipNBytes(between);
    byte[] colors = new byte[(flags & 0x80) == 0 ? 0 : 3 * (2 << (flags & 7))];
    in.readFully(colors);
    return colors;
  }

  private static int number(DataInputStream in) throws IOException {
    return Short.toUnsignedInt(Short.reverseBytes(in.readShort()));
  }

  /** Returns the whole image {@code [canvasHeight, canvasWidth, 3]} of the frame's pixels. */
  byte[] onCanvas(byte[] rgb) {
    if (width == canvasWidth && height == canvasHeight || rgb.length != 3 * width * height) {
      return rgb;
    }
    byte[] canvas = new byte[3 * canvasWidth * canvasHeight];
    for (int i = 0; i < canvas.length; i++) {
      canvas[i] = fill[i % 3];
    }
    for (int y = 0; y < height; y++) {
      int to = 3 * ((top + y) * canvasWidth + left);
      System.arraycopy(rgb, 3 * y * width, canvas, to, 3 * width);
    }
    return canvas;
  }
}
