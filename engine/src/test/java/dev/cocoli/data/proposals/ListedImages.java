package dev.cocoli.data.proposals;

import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.AnnotationReport;
import dev.cocoli.data.Dataset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Images of one class, without objects. */
record ListedImages(List<AnnotatedImage> images) implements Dataset {
  @Override
  public List<String> classNames() {
    return List.of("thing");
  }

  @Override
  public int size() {
    return images.size();
  }

  @Override
  public AnnotatedImage get(int index) {
    return images.get(index);
  }

  @Override
  public AnnotationReport report() {
    return new AnnotationReport(size(), 0, 0, 0, 0, 0, 0, Map.of(), List.of());
  }

  ListedImages with(AnnotatedImage image) {
    List<AnnotatedImage> more = new ArrayList<>(images);
    more.add(image);
    return new ListedImages(more);
  }
}
