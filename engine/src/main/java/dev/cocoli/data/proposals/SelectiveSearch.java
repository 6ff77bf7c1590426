package dev.cocoli.data.proposals;

import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.image.Image;
import dev.cocoli.structures.Box;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Selective search (Uijlings, van de Sande, Gevers, Smeulders: Selective Search for Object
 * Recognition, IJCV 2013). It segments an image in several colour spaces and at several scales
 * (Felzenszwalb, Huttenlocher: Efficient Graph-Based Image Segmentation, IJCV 2004), merges the
 * most similar neighbours until one region is left, and proposes the box of every region on the
 * way. In: an image; out: up to {@code maxProposals} boxes, the best first.
 *
 * <p>The parameters are those of the paper and its published program: images smoothed with a sigma
 * of 0.8, k of 50 and 100 (and 150, 300) grey levels, no segment smaller than k pixels, 25 bins of
 * colour per channel, 10 bins of texture in 8 orientations per channel (section 4.2.2), the modes
 * of table 5, and the ranks of section 4.3. An image with a side over {@value #MAX_SIDE} pixels is
 * searched in a smaller copy: the work and the number of regions grow with the area, but the
 * objects that a detector can find do not.
 *
 * <p>All arithmetic that affects the result uses integers, or sums and roots that IEEE 754 defines
 * to the bit. So the same image, configuration and seed give the same boxes on every machine and
 * with any number of threads. A search keeps no memory between images, and is safe for many
 * threads.
 */
public final class SelectiveSearch implements ProposalSource {
  /** The longest side that is searched at full size; a larger image is divided by an integer. */
  static final int MAX_SIDE = 1000;

  private static final double SIGMA = 0.8;

  private final SelectiveSearchConfig config;

  /**
   * Creates a search.
   *
   * @param config the configuration
   */
  public SelectiveSearch(SelectiveSearchConfig config) {
    this.config = config;
  }

  @Override
  public List<Box> proposals(AnnotatedImage annotated, Image image) {
    return propose(image);
  }

  /**
   * {@return the regions of an image that may hold an object, xyxy in integer pixels, the best
   * first; at least one}
   *
   * @param image the pixels; not changed
   */
  public List<Box> propose(Image image) {
    byte[] rgb = new byte[Math.multiplyExact(3 * image.height(), image.width())];
    image.withPixels(
        pixels -> MemorySegment.copy(pixels, ValueLayout.JAVA_BYTE, 0, rgb, 0, rgb.length));
    int longer = Math.max(image.width(), image.height());
    int factor = (longer + MAX_SIDE - 1) / MAX_SIDE;
    ReducedImage reduced = ReducedImage.of(rgb, image.width(), image.height(), factor);
    RankedBoxes ranked = new RankedBoxes();
    long grouping = 0;
    for (List<int[][]> ofSpace : groupings(reduced)) {
      for (int[][] boxes : ofSpace) {
        ranked.add(boxes, RankedBoxes.mixed(config.seed() ^ RankedBoxes.mixed(++grouping)));
      }
    }
    return ranked.best(config.maxProposals(), factor, image.width(), image.height());
  }

  /** The boxes of each grouping, in the order of the colour spaces. */
  private List<List<int[][]>> groupings(ReducedImage image) {
    List<ColourSpace> spaces = config.mode().colourSpaces();
    if (config.threads() == 1) {
      return spaces.stream().map(space -> group(image, space)).toList();
    }
    List<Callable<List<int[][]>>> tasks = new ArrayList<>();
    for (ColourSpace space : spaces) {
      tasks.add(() -> group(image, space));
    }
    try (ExecutorService workers =
        Executors.newFixedThreadPool(Math.min(config.threads(), tasks.size()))) {
      List<List<int[][]>> results = new ArrayList<>();
      for (Future<List<int[][]>> done : workers.invokeAll(tasks)) {
        results.add(done.get());
      }
      return results;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CancellationException("interrupted while searching an image");
    } catch (ExecutionException e) {
      throw new IllegalStateException("searching an image failed: " + e.getCause(), e.getCause());
    }
  }

  private List<int[][]> group(ReducedImage image, ColourSpace space) {
    int width = image.width();
    int height = image.height();
    byte[][] channels = space.planes(image.rgb());
    byte[][] textures = TexturePlanes.of(channels, width, height);
    GaussianFilter filter = new GaussianFilter(width, height);
    int[][] smoothed = new int[channels.length][];
    for (int c = 0; c < channels.length; c++) {
      smoothed[c] = filter.smooth(channels[c], SIGMA);
    }
    PixelGraph graph = PixelGraph.of(smoothed, width, height);
    List<int[][]> groupings = new ArrayList<>();
    for (int scale : config.mode().scales()) {
      Segmentation segments = graph.segment(scale * GaussianFilter.GREY_LEVEL, scale);
      RegionFeatures features = new RegionFeatures(segments, width, height, channels, textures);
      for (Similarity similarity : config.mode().similarities()) {
        groupings.add(RegionGrouping.of(features, similarity, (long) width * height).boxes());
      }
    }
    return groupings;
  }
}
