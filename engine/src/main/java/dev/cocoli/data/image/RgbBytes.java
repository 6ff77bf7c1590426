package dev.cocoli.data.image;

import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.DataBuffer;
import java.awt.image.DataBufferByte;
import java.awt.image.IndexColorModel;
import java.awt.image.PixelInterleavedSampleModel;
import java.awt.image.Raster;

/**
 * Converts an image or raster to RGB bytes [height, width, 3], as PIL's {@code convert("RGB")}
 * does: the samples are taken as stored, without colour management, and alpha is dropped. {@link
 * BufferedImage#getRGB} is slower and applies a gamma curve to grey.
 */
final class RgbBytes {

  private RgbBytes() {}

  static byte[] of(BufferedImage image) {
    ColorModel colors = image.getColorModel();
    Raster raster = image.getRaster();
    if (colors instanceof IndexColorModel palette) {
      return ofPalette(raster, palette);
    }
    int kind = colors.getColorSpace().getType();
    if (kind == ColorSpace.TYPE_CMYK && raster.getNumBands() == 4 && isInteger(raster)) {
      return ofCmyk(raster);
    }
    boolean plain = kind == ColorSpace.TYPE_RGB || kind == ColorSpace.TYPE_GRAY;
    if (!plain || colors.isAlphaPremultiplied() || !isInteger(raster)) {
      return ofAnything(image);
    }
    return kind == ColorSpace.TYPE_GRAY ? ofBands(raster, 0, 0, 0) : ofBands(raster, 0, 1, 2);
  }

  private static boolean isInteger(Raster raster) {
    int type = raster.getTransferType();
    return type == DataBuffer.TYPE_BYTE
        || type == DataBuffer.TYPE_USHORT
        || type == DataBuffer.TYPE_INT;
  }

  /**
   * Converts bands to channels: band {@code red} becomes the first, and so on. Any number of bands,
   * any sample size up to 16 bits.
   */
  private static byte[] ofBands(Raster raster, int red, int green, int blue) {
    if (raster.getSampleModel() instanceof PixelInterleavedSampleModel model
        && raster.getDataBuffer() instanceof DataBufferByte buffer
        && buffer.getNumBanks() == 1) {
      return ofInterleaved(raster, model, buffer, red, green, blue);
    }
    int height = raster.getHeight();
    int width = raster.getWidth();
    int bands = raster.getNumBands();
    int[] bits = raster.getSampleModel().getSampleSize();
    byte[] rgb = new byte[3 * height * width];
    int[] row = new int[width * bands];
    for (int y = 0, to = 0; y < height; y++) {
      raster.getPixels(raster.getMinX(), raster.getMinY() + y, width, 1, row);
      for (int from = 0; from < row.length; from += bands) {
        rgb[to++] = eightBits(row[from + red], bits[red]);
        rgb[to++] = eightBits(row[from + green], bits[green]);
        rgb[to++] = eightBits(row[from + blue], bits[blue]);
      }
    }
    return rgb;
  }

  private static byte eightBits(int sample, int bits) {
    if (bits >= 8) {
      return (byte) (sample >> (bits - 8));
    }
    int largest = (1 << bits) - 1;
    return (byte) ((sample * 255 + largest / 2) / largest);
  }

  private static byte[] ofInterleaved(
      Raster raster,
      PixelInterleavedSampleModel model,
      DataBufferByte buffer,
      int red,
      int green,
      int blue) {
    int height = raster.getHeight();
    int width = raster.getWidth();
    int pixelStride = model.getPixelStride();
    int[] offsets = model.getBandOffsets();
    byte[] data = buffer.getData();
    byte[] rgb = new byte[3 * height * width];
    int origin =
        buffer.getOffset()
            - raster.getSampleModelTranslateX() * pixelStride
            - raster.getSampleModelTranslateY() * model.getScanlineStride()
            + raster.getMinX() * pixelStride
            + raster.getMinY() * model.getScanlineStride();
    for (int y = 0, to = 0; y < height; y++) {
      int start = origin + y * model.getScanlineStride();
      int r = start + offsets[red];
      int g = start + offsets[green];
      int b = start + offsets[blue];
      for (int x = 0, step = 0; x < width; x++, step += pixelStride, to += 3) {
        rgb[to] = data[r + step];
        rgb[to + 1] = data[g + step];
        rgb[to + 2] = data[b + step];
      }
    }
    return rgb;
  }

  private static byte[] ofPalette(Raster raster, IndexColorModel palette) {
    int height = raster.getHeight();
    int width = raster.getWidth();
    // an index past the end of the palette is black, as in libpng
    int[] colors = new int[1 << palette.getPixelSize()];
    int[] known = new int[palette.getMapSize()];
    palette.getRGBs(known);
    System.arraycopy(known, 0, colors, 0, Math.min(known.length, colors.length));
    byte[] rgb = new byte[3 * height * width];
    int[] row = new int[width];
    for (int y = 0, to = 0; y < height; y++) {
      raster.getSamples(raster.getMinX(), raster.getMinY() + y, width, 1, 0, row);
      for (int index : row) {
        int color = colors[index];
        rgb[to++] = (byte) (color >> 16);
        rgb[to++] = (byte) (color >> 8);
        rgb[to++] = (byte) color;
      }
    }
    return rgb;
  }

  /** Converts any other image through its colour model. */
  private static byte[] ofAnything(BufferedImage image) {
    int height = image.getHeight();
    int width = image.getWidth();
    byte[] rgb = new byte[3 * height * width];
    int[] row = new int[width];
    for (int y = 0, to = 0; y < height; y++) {
      image.getRGB(0, y, width, 1, row, 0, width);
      for (int color : row) {
        rgb[to++] = (byte) (color >> 16);
        rgb[to++] = (byte) (color >> 8);
        rgb[to++] = (byte) color;
      }
    }
    return rgb;
  }

  /**
   * Converts inverted CMYK or YCCK samples [height, width, 4], as Adobe's programs write them and
   * PIL reads them, to RGB with PIL's {@code cmyk2rgb}; YCCK is first converted to CMYK with
   * libjpeg's {@code ycck_cmyk_convert}.
   */
  static byte[] ofInvertedCmyk(Raster raster, boolean ycck) {
    int height = raster.getHeight();
    int width = raster.getWidth();
    byte[] rgb = new byte[3 * height * width];
    int[] row = new int[4 * width];
    for (int y = 0, to = 0; y < height; y++) {
      raster.getPixels(raster.getMinX(), raster.getMinY() + y, width, 1, row);
      for (int from = 0; from < row.length; from += 4) {
        int cyan = row[from];
        int magenta = row[from + 1];
        int yellow = row[from + 2];
        int notBlack = row[from + 3];
        if (ycck) {
          int luma = row[from];
          int cb = row[from + 1] - 128;
          int cr = row[from + 2] - 128;
          cyan = clamp(255 - (luma + (91881 * cr + 32768 >> 16)));
          magenta = clamp(255 - (luma + (-22554 * cb - 46802 * cr + 32768 >> 16)));
          yellow = clamp(255 - (luma + (116130 * cb + 32768 >> 16)));
        }
        rgb[to++] = withoutInk(255 - cyan, notBlack);
        rgb[to++] = withoutInk(255 - magenta, notBlack);
        rgb[to++] = withoutInk(255 - yellow, notBlack);
      }
    }
    return rgb;
  }

  /** Converts CMYK samples as TIFF files have them, where 255 is full ink. */
  private static byte[] ofCmyk(Raster raster) {
    int[] bits = raster.getSampleModel().getSampleSize();
    byte[] rgb = new byte[3 * raster.getHeight() * raster.getWidth()];
    int[] pixel = new int[4];
    for (int y = 0, to = 0; y < raster.getHeight(); y++) {
      for (int x = 0; x < raster.getWidth(); x++) {
        raster.getPixel(raster.getMinX() + x, raster.getMinY() + y, pixel);
        int notBlack = 255 - (eightBits(pixel[3], bits[3]) & 0xFF);
        for (int ink = 0; ink < 3; ink++) {
          rgb[to++] = withoutInk(eightBits(pixel[ink], bits[ink]) & 0xFF, notBlack);
        }
      }
    }
    return rgb;
  }

  private static byte withoutInk(int ink, int notBlack) {
    int product = ink * notBlack + 128;
    return (byte) clamp(notBlack - ((product >> 8) + product >> 8));
  }

  private static int clamp(int value) {
    return Math.clamp(value, 0, 255);
  }
}
