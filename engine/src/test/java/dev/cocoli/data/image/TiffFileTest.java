package dev.cocoli.data.image;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TiffFileTest {

  /**
   * Of each of these the JDK's reader makes colours that are not PIL's, or it fails at an index.
   */
  @ParameterizedTest
  @CsvSource({
    "rgb.tif,262,8,colours of kind 8", // CIELab
    "grey.tif,284,339,signed or floating-point samples", // the entry of the planes becomes another
    "cmyk.tif,259,7,four samples in JPEG compression",
    "cmyk.tif,258,16,CMYK of 16 bits",
    "grey.tif,258,32,samples of 32 bits",
  })
  void namesTheKindsThatAreNotDecoded(String name, int tag, short value, String words)
      throws IOException {
    byte[] file;
    try (InputStream in = TiffFileTest.class.getResourceAsStream("/data/" + name)) {
      file = in.readAllBytes();
    }
    ByteBuffer tiff = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
    int entry = 8 + 2;
    while (tiff.getShort(entry) != tag) {
      entry += 12;
    }
    if (value == 339) {
      tiff.putShort(entry, value).putShort(entry + 8, (short) 3);
    } else {
      int place = tiff.getInt(entry + 4) > 2 ? tiff.getInt(entry + 8) : entry + 8;
      tiff.putShort(place, value);
    }
    String message =
        assertThrows(ImageDecodeException.class, () -> new ImageDecoder().decode(file, name))
            .getMessage();
    assertTrue(message.startsWith(name + ": TIFFs with " + words), message);
  }
}
