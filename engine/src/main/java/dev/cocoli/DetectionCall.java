package dev.cocoli;

import dev.cocoli.data.image.Image;
import dev.cocoli.detection.DetectionPart;
import dev.cocoli.detection.PartListener;
import dev.cocoli.structures.Box;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The images of one call of a detector, or of several that go through the network together.
 *
 * @param images one or more
 * @param regions of each image, in its pixels; empty where the model finds its own
 * @param partsBefore parts of the detection that are done already
 * @param parts receives each part
 * @param size height and width of all images in the network; nothing if these differ, or if a
 *     listener wants the parts of this call alone
 */
record DetectionCall(
    List<Image> images,
    List<List<Box>> regions,
    List<DetectionPart> partsBefore,
    PartListener parts,
    Optional<List<Long>> size) {

  /** Checks that every image has its regions, be there any or not. */
  DetectionCall {
    if (images.size() != regions.size()) {
      throw new IllegalArgumentException(
          images.size() + " images with the regions of " + regions.size());
    }
  }

  /** Whether this and another call go through the network as each does alone. */
  boolean goesWith(DetectionCall other) {
    return size.isPresent() && size.equals(other.size);
  }

  /** All images of several calls. */
  static DetectionCall joined(List<DetectionCall> calls) {
    List<Image> images = new ArrayList<>();
    List<List<Box>> regions = new ArrayList<>();
    for (DetectionCall call : calls) {
      images.addAll(call.images);
      regions.addAll(call.regions);
    }
    return new DetectionCall(images, regions, List.of(), PartListener.NONE, calls.getFirst().size);
  }
}
