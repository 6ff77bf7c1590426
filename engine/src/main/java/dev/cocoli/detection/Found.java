package dev.cocoli.detection;

import dev.cocoli.backend.primitives.Copies.Columns;
import dev.cocoli.ops.Ops;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Detection;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;
import java.awt.geom.AffineTransform;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Detections on the device, in pixels of the resized images.
 *
 * @param boxes {@code [N,D,4]}
 * @param scores {@code [N,D]} or {@code [N,D,1]}, falling
 * @param indices I32 {@code [N,D]}: region times (K - 1) plus class; -1 after the last
 * @param parts what branches add to each detection
 */
public record Found(Tensor boxes, Tensor scores, Tensor indices, List<FoundPart> parts) {

  /** Copies the list. */
  public Found {
    parts = List.copyOf(parts);
  }

  /**
   * Creates detections without parts.
   *
   * @param boxes {@code [N,D,4]}
   * @param scores {@code [N,D]} or {@code [N,D,1]}, falling
   * @param indices I32 {@code [N,D]}
   */
  public Found(Tensor boxes, Tensor scores, Tensor indices) {
    this(boxes, scores, indices, List.of());
  }

  /**
   * {@return these detections with one more part each}
   *
   * @param part the part
   */
  public Found with(FoundPart part) {
    List<FoundPart> all = new ArrayList<>(parts);
    all.add(part);
    return new Found(boxes, scores, indices, all);
  }

  /**
   * Downloads the detections, all at once.
   *
   * @param ops downloads
   * @param classes K, the background included
   * @param toOriginals for each image, where its points are in the image before it was resized
   * @return a list per image, in pixels of the images before they were resized
   */
  public List<List<Detection>> download(Ops ops, int classes, List<AffineTransform> toOriginals) {
    int most = Math.toIntExact(indices.dim(1));
    Values values = Values.download(ops, this);
    List<List<Detection>> result = new ArrayList<>();
    for (int image = 0; image < toOriginals.size(); image++) {
      List<Detection> detections = new ArrayList<>();
      for (int place = image * most; place < (image + 1) * most; place++) {
        int index = values.index(place);
        if (index < 0) {
          break;
        }
        Detection found =
            new Detection(values.box(place), index % (classes - 1) + 1, values.score(place));
        Detection whole = found;
        for (int part = 0; part < parts.size(); part++) {
          whole = whole.with(parts.get(part).reader().read(found, values.part(part, place)));
        }
        detections.add(whole.moved(toOriginals.get(image)));
      }
      result.add(detections);
    }
    return result;
  }

  /** All numbers on the host: boxes, scores, indices, then those of each part. */
  private record Values(float[] all, int places, int[] partOffsets) {

    static Values download(Ops ops, Found found) {
      int places = Math.toIntExact(found.indices.elementCount());
      int[] offsets = new int[found.parts.size() + 1];
      offsets[0] = 6 * places;
      for (int part = 0; part < found.parts.size(); part++) {
        long count = found.parts.get(part).values().elementCount();
        offsets[part + 1] = Math.addExact(offsets[part], Math.toIntExact(count));
      }
      Tensor packed = ops.allocate(DType.F32, offsets[offsets.length - 1]);
      List<Columns> copies = new ArrayList<>();
      copies.add(to(packed, 0, found.boxes));
      copies.add(to(packed, 4 * places, found.scores));
      copies.add(to(packed, 5 * places, found.indices));
      for (int part = 0; part < found.parts.size(); part++) {
        copies.add(to(packed, offsets[part], found.parts.get(part).values()));
      }
      ops.backend().copies().copyColumns(copies);
      return new Values(ops.download(packed), places, offsets);
    }

    private static Columns to(Tensor packed, int at, Tensor from) {
      long count = from.elementCount();
      Tensor place = packed.view(4L * at, Shape.of(1, count), from.dtype());
      return new Columns(from.reshape(1, count), 0, place, 0, count);
    }

    Box box(int place) {
      int at = 4 * place;
      return new Box(all[at], all[at + 1], all[at + 2], all[at + 3]);
    }

    float score(int place) {
      return all[4 * places + place];
    }

    int index(int place) {
      return Float.floatToRawIntBits(all[5 * places + place]);
    }

    float[] part(int part, int place) {
      int each = (partOffsets[part + 1] - partOffsets[part]) / places;
      int from = partOffsets[part] + place * each;
      return Arrays.copyOfRange(all, from, from + each);
    }
  }
}
