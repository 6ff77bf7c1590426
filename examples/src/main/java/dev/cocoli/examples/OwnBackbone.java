package dev.cocoli.examples;

import dev.cocoli.Detector;
import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.backend.spec.Activation;
import dev.cocoli.backend.spec.Conv2dSpec;
import dev.cocoli.data.Dataset;
import dev.cocoli.data.image.Image;
import dev.cocoli.detection.DetectionModel;
import dev.cocoli.detection.FasterRcnn;
import dev.cocoli.detection.ImageTransform;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.detection.backbone.Backbone;
import dev.cocoli.detection.config.BoxHeadConfig;
import dev.cocoli.detection.config.RcnnConfig;
import dev.cocoli.detection.head.AnchorGenerator;
import dev.cocoli.detection.head.BoxBranch;
import dev.cocoli.detection.head.ConvRpnHead;
import dev.cocoli.detection.head.OneMapRoiPool;
import dev.cocoli.detection.head.RegionProposalNetwork;
import dev.cocoli.detection.head.RoiHeads;
import dev.cocoli.detection.head.RoiSampler;
import dev.cocoli.detection.head.TwoMlpHead;
import dev.cocoli.nn.Conv2d;
import dev.cocoli.nn.Initializer;
import dev.cocoli.ops.Ops;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.train.TrainConfig;
import dev.cocoli.train.Trainer;
import dev.cocoli.train.TrainingListener;
import dev.cocoli.train.TrainingResult;
import dev.cocoli.train.TrainingRun;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Trains a Faster R-CNN over a backbone of one's own, then opens its weights and detects: {@code
 * OwnBackbone RUN_FOLDER IMAGES EPOCHS}.
 */
final class OwnBackbone {
  private OwnBackbone() {}

  /**
   * Four convolutions, each of which halves the sides. In: images {@code [N,H,W,3]}; out: one map
   * {@code [N,H/16,W/16,64]}.
   */
  private static final class PlainBackbone extends Backbone {
    private static final long[] WIDTHS = {16, 32, 64, 64};

    private final List<Conv2d> convolutions = new ArrayList<>();

    PlainBackbone() {
      long in = 3;
      for (long out : WIDTHS) {
        Initializer initializer = Initializer.kaimingNormal(9 * out);
        Conv2d convolution = Conv2d.withBias(in, out, Conv2dSpec.of(3, 2, 1), initializer);
        convolutions.add(child("conv" + convolutions.size(), convolution));
        in = out;
      }
    }

    @Override
    public List<Tensor> forward(Ops ops, Tensor images) {
      Tensor x = images;
      for (Conv2d convolution : convolutions) {
        Tensor y = convolution.forward(ops, x, Activation.RELU);
        ops.release(x);
        x = y;
      }
      return List.of(x);
    }

    @Override
    public long outChannels() {
      return WIDTHS[WIDTHS.length - 1];
    }
  }

  /** Composes the model. A weights file keeps all but this method, which opens it again. */
  static DetectionModel build(RcnnConfig config, int classes) {
    Backbone backbone = new PlainBackbone();
    long channels = backbone.outChannels();
    AnchorGenerator anchors = AnchorGenerator.ofOneMap(config.anchors());
    BoxHeadConfig box = config.boxHead();
    return new FasterRcnn(
        new ImageTransform(config.transform()),
        backbone,
        new RegionProposalNetwork(
            config.rpn(), anchors, new ConvRpnHead(channels, anchors.perLocation())),
        new RoiHeads(
            new RoiSampler(config.sampling()),
            new BoxBranch(
                box,
                new OneMapRoiPool(box.roiPool(), box.poolSize(), box.samplingRatio()),
                new TwoMlpHead(channels, box.poolSize(), box.headSize()),
                classes)));
  }

  static void main(String[] args) throws IOException {
    Dataset data = new ShapesInMemory(0, Integer.parseInt(args[1]));
    RcnnConfig hyperparameters =
        SmallModel.small(RcnnConfig.DEFAULT).withAnchors(a -> a.withSizes(List.of(16, 32, 64)));
    ModelSpec model =
        new ModelSpec("fasterrcnn_plain", data.classNames(), hyperparameters, OwnBackbone::build);
    TrainConfig config =
        TrainConfig.DEFAULT
            .withEpochs(Integer.parseInt(args[2]))
            .withBatch(4)
            .withUpdate(u -> u.withClipNorm(10));
    TrainingRun run = TrainingRun.of(model, data, config, Path.of(args[0]));
    TrainingResult result;
    try (Backend backend = Backends.open(Device.CPU)) {
      result = new Trainer(run, backend, TrainingListener.NONE).start();
      System.out.println(result.summary());
    }
    try (Detector detector = Detector.open(result.lastWeights(), OwnBackbone::build);
        Image image = data.image(0)) {
      System.out.println("detections on the first image: " + detector.detect(image).size());
    }
  }
}
