package dev.cocoli.benchmarks.compare;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cocoli.backend.spec.Conv2dSpec;
import dev.cocoli.benchmarks.ConvolutionLayer;
import dev.cocoli.bindings.onednn.Dnnl;
import dev.cocoli.tensor.Precision;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * Measures the lower bound of a detection and of a training step in a process of its own: the bare
 * oneDNN times of all convolutions and of the box head. Arguments: folder, precision. Prints JSON,
 * in seconds.
 */
final class FloorWorker {
  private static final int DETECTION_REGIONS = 1000;
  private static final int TRAINING_REGIONS = 512;
  private static final long MAP_ELEMENTS = 256 * 7 * 7;
  private static final long HEAD = 1024;
  private static final long OUTPUTS = 5 * 91;

  private FloorWorker() {}

  /**
   * Measures and prints the result.
   *
   * @param arguments folder, precision
   * @throws IOException if the work cannot be read
   */
  public static void main(String[] arguments) throws IOException {
    Work work = Work.read(Path.of(arguments[0]));
    int type =
        switch (Precision.parse(arguments[1])) {
          case FP32 -> Dnnl.dnnl_f32();
          case BF16 -> Dnnl.dnnl_bf16();
        };
    String resNet = work.model().replaceAll("fasterrcnn_(.*)_fpn", "$1");
    List<ConvolutionLayer> layers = ConvolutionLayer.distinct(resNet, work.size());
    ObjectNode answer = new ObjectMapper().createObjectNode();
    try (BareConvolutions bare = new BareConvolutions(work.threads(), type, work.batch())) {
      BareConvolutions.Seconds convolutions = bare.measure(layers);
      BareConvolutions.Seconds trained = bare.measure(boxHead(TRAINING_REGIONS));
      answer.put("forward", convolutions.forward());
      answer.put("backward_data", convolutions.backwardData());
      answer.put("backward_weight", convolutions.backwardWeight());
      answer.put("box_head_detection", bare.measureForward(boxHead(DETECTION_REGIONS)));
      answer.put("box_head_training", trained.sum());
    }
    System.out.println(answer);
  }

  /** The fully connected layers, each as a convolution of one pixel over a column of regions. */
  private static List<ConvolutionLayer> boxHead(int regions) {
    return List.of(
        connected("fc6", regions, MAP_ELEMENTS, HEAD),
        connected("fc7", regions, HEAD, HEAD),
        connected("box_predictor", regions, HEAD, OUTPUTS));
  }

  private static ConvolutionLayer connected(String name, int regions, long in, long out) {
    return new ConvolutionLayer(name, Conv2dSpec.of(1, 1, 0), regions, 1, in, out, 1);
  }
}
