package dev.cocoli.examples;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.data.Dataset;
import dev.cocoli.detection.DetectionModel;
import dev.cocoli.detection.FasterRcnn;
import dev.cocoli.detection.ImageTransform;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.detection.backbone.Backbone;
import dev.cocoli.detection.backbone.ResNetConfig;
import dev.cocoli.detection.backbone.ResNetFpn;
import dev.cocoli.detection.config.BackboneConfig;
import dev.cocoli.detection.config.BoxHeadConfig;
import dev.cocoli.detection.config.RcnnConfig;
import dev.cocoli.detection.head.AnchorGenerator;
import dev.cocoli.detection.head.BoxBranch;
import dev.cocoli.detection.head.ConvRpnHead;
import dev.cocoli.detection.head.FeatureMaps;
import dev.cocoli.detection.head.MultiScaleRoiAlign;
import dev.cocoli.detection.head.RegionProposalNetwork;
import dev.cocoli.detection.head.RoiBranch;
import dev.cocoli.detection.head.RoiHeads;
import dev.cocoli.detection.head.RoiSampler;
import dev.cocoli.detection.head.TwoMlpHead;
import dev.cocoli.nn.Linear;
import dev.cocoli.nn.Module;
import dev.cocoli.ops.Losses;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.RegionOps.SampleTargets;
import dev.cocoli.report.TrainingPlots;
import dev.cocoli.tensor.Device;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.train.TrainConfig;
import dev.cocoli.train.Trainer;
import dev.cocoli.train.TrainingListener;
import dev.cocoli.train.TrainingRun;
import dev.cocoli.train.parallel.ParallelConfig;
import dev.cocoli.train.parallel.Replicas;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * Trains a box head with an extra loss of one's own, on one replica and on two: {@code OwnLoss
 * FOLDER IMAGES EPOCHS}. The loss appears in {@code metrics.jsonl} and in the plots of both runs.
 */
final class OwnLoss {
  private static final int MAPS = 5;

  private OwnLoss() {}

  /**
   * Classifies regions a second time, by one layer over the pooled features, so that the feature
   * maps themselves learn to distinguish the classes (deep supervision, Lee et al. 2015). Detection
   * does not use it. In: pooled regions {@code [R,bins,bins,C]}; out: one loss.
   */
  private static final class Supervision implements RoiBranch {
    private final BoxBranch box;
    private final BoxHeadConfig config;
    private final long features;
    private final Linear classifier;

    Supervision(BoxBranch box, BoxHeadConfig config, long channels) {
      this.box = box;
      this.config = config;
      features = channels * config.poolSize() * config.poolSize();
      classifier = new Linear(features, box.classes());
    }

    @Override
    public Map<String, Module> modules() {
      return Map.of("supervision", classifier);
    }

    @Override
    public List<String> lossNames() {
      return List.of("loss_supervision");
    }

    @Override
    public void train(Ops ops, FeatureMaps maps, RoiSampler.Sample sample, Tensor losses) {
      SampleTargets targets = sample.targets(ops, config.boxCoder());
      Tensor pooled = box.pool(ops, maps, targets.rois());
      Tensor flat = ops.reshape(pooled, pooled.dim(0), features);
      Tensor logits = classifier.predict(ops, flat);
      new Losses(ops).softmaxCrossEntropy(logits, targets.labels(), losses);
    }
  }

  /** Composes the model. */
  private static DetectionModel build(RcnnConfig config, int classes) {
    BackboneConfig network = config.backbone();
    Backbone backbone =
        new ResNetFpn(
            ResNetConfig.TINY,
            channels -> network.norm().create(channels, network.batchNormEps()),
            network.trainableBackboneLayers(),
            network.fpnOutChannels());
    long channels = backbone.outChannels();
    AnchorGenerator anchors = new AnchorGenerator(config.anchors());
    BoxHeadConfig head = config.boxHead();
    BoxBranch box =
        new BoxBranch(
            head,
            new MultiScaleRoiAlign(MAPS - 1, head.poolSize(), head.samplingRatio()),
            new TwoMlpHead(channels, head.poolSize(), head.headSize()),
            classes);
    return new FasterRcnn(
        new ImageTransform(config.transform()),
        backbone,
        new RegionProposalNetwork(
            config.rpn(), anchors, new ConvRpnHead(channels, anchors.perLocation())),
        new RoiHeads(new RoiSampler(config.sampling()), box, new Supervision(box, head, channels)));
  }

  static void main(String[] args) throws IOException {
    Dataset data = new ShapesInMemory(0, Integer.parseInt(args[1]));
    RcnnConfig hyperparameters =
        SmallModel.small(RcnnConfig.DEFAULT)
            .withAnchors(a -> a.withSizes(List.of(16, 32, 64, 96, 128)));
    ModelSpec model =
        new ModelSpec("fasterrcnn_supervised", data.classNames(), hyperparameters, OwnLoss::build);
    TrainConfig config =
        TrainConfig.DEFAULT.withEpochs(Integer.parseInt(args[2])).withBatch(4).withLogEvery(1);

    Path alone = Path.of(args[0], "one-replica");
    try (Backend backend = Backends.open(Device.CPU)) {
      TrainingRun run = TrainingRun.of(model, data, config, alone);
      System.out.println(new Trainer(run, backend, TrainingListener.NONE).start().summary());
    }
    TrainingPlots.write(alone);

    Path together = Path.of(args[0], "two-replicas");
    TrainingRun run = TrainingRun.of(model, data, config, together);
    List<Device> devices = List.of(Device.CPU, Device.CPU);
    Replicas replicas = new Replicas(run, devices, ParallelConfig.DEFAULT, TrainingListener.NONE);
    System.out.println(replicas.start().summary());
    TrainingPlots.write(together);
  }
}
