package dev.cocoli.benchmarks;

import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.image.Image;
import dev.cocoli.data.proposals.ProposalSource;
import dev.cocoli.structures.Box;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.opencv.global.opencv_core;
import org.bytedeco.opencv.global.opencv_ximgproc;
import org.bytedeco.opencv.opencv_core.Mat;
import org.bytedeco.opencv.opencv_core.Rect;
import org.bytedeco.opencv.opencv_core.RectVector;
import org.bytedeco.opencv.opencv_ximgproc.SelectiveSearchSegmentation;

/** OpenCV contrib's selective search, on one thread and with its own parameters. */
record OpenCvSelectiveSearch(boolean fast, int most) implements ProposalSource {

  @Override
  public List<Box> proposals(AnnotatedImage annotated, Image image) {
    opencv_core.setNumThreads(1);
    opencv_core.setRNGSeed(0);
    byte[] pixels = image.pixels().toArray(ValueLayout.JAVA_BYTE);
    for (int i = 0; i < pixels.length; i += 3) { // OpenCV's order is blue, green, red
      byte red = pixels[i];
      pixels[i] = pixels[i + 2];
      pixels[i + 2] = red;
    }
    List<Box> boxes = new ArrayList<>();
    try (Mat mat = new Mat(image.height(), image.width(), opencv_core.CV_8UC3);
        SelectiveSearchSegmentation search = opencv_ximgproc.createSelectiveSearchSegmentation();
        RectVector found = new RectVector()) {
      mat.data().put(pixels, 0, pixels.length);
      search.setBaseImage(mat);
      if (fast) {
        search.switchToSelectiveSearchFast();
      } else {
        search.switchToSelectiveSearchQuality();
      }
      search.process(found);
      for (long i = 0; i < Math.min(most, found.size()); i++) {
        Rect box = found.get(i);
        boxes.add(new Box(box.x(), box.y(), box.x() + box.width(), box.y() + box.height()));
      }
    }
    return boxes;
  }
}
