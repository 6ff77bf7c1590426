package dev.cocoli.train.checkpoint;

import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.Dataset;
import dev.cocoli.structures.Annotation;
import dev.cocoli.structures.ObjectPart;
import java.awt.Shape;
import java.awt.geom.PathIterator;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/**
 * What a data set is known by: its size, and a digest of its classes, file names and annotations.
 * Where it lies does not matter, so that a run can go on after its data was moved.
 *
 * @param images how many
 * @param objects how many, crowds included
 * @param digest SHA-256, in hexadecimal digits
 */
record DatasetFingerprint(int images, long objects, String digest) {

  static DatasetFingerprint of(Dataset data) {
    MessageDigest digest = sha256();
    long objects = 0;
    try (DataOutputStream out =
        new DataOutputStream(new DigestOutputStream(OutputStream.nullOutputStream(), digest))) {
      for (String name : data.classNames()) {
        write(out, name);
      }
      for (int i = 0; i < data.size(); i++) {
        AnnotatedImage image = data.get(i);
        objects += image.annotations().size();
        out.writeLong(image.imageId());
        write(out, image.fileName());
        out.writeInt(image.width());
        out.writeInt(image.height());
        write(out, image.annotations());
      }
    } catch (IOException e) {
      throw new AssertionError("nothing is written to a file", e);
    }
    return new DatasetFingerprint(data.size(), objects, HexFormat.of().formatHex(digest.digest()));
  }

  private static void write(DataOutputStream out, List<Annotation> objects) throws IOException {
    out.writeInt(objects.size());
    for (Annotation object : objects) {
      out.writeFloat(object.box().x1());
      out.writeFloat(object.box().y1());
      out.writeFloat(object.box().x2());
      out.writeFloat(object.box().y2());
      out.writeInt(object.label());
      out.writeBoolean(object.crowd());
      for (ObjectPart part : object.parts().list()) {
        write(out, part.outline());
      }
    }
  }

  private static void write(DataOutputStream out, Shape outline) throws IOException {
    double[] points = new double[6];
    for (PathIterator path = outline.getPathIterator(null); !path.isDone(); path.next()) {
      out.writeByte(path.currentSegment(points));
      for (double coordinate : points) {
        out.writeDouble(coordinate);
      }
    }
  }

  /** As its characters and a zero, because writeUTF takes no more than 65,535 bytes. */
  private static void write(DataOutputStream out, String text) throws IOException {
    out.writeChars(text);
    out.writeChar(0);
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java platform has SHA-256", e);
    }
  }
}
