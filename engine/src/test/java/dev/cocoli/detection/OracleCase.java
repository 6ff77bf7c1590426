package dev.cocoli.detection;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.data.Shard;
import dev.cocoli.detection.config.Hyperparameters;
import dev.cocoli.nn.Norm;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.nn.Safetensors;
import dev.cocoli.nn.StateDict;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.Tape;
import dev.cocoli.structures.Target;
import dev.cocoli.tensor.Precision;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.train.DeviceBatch;
import dev.cocoli.train.TrainConfig;
import dev.cocoli.train.TrainingStep;
import dev.cocoli.train.optim.Sgd;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;

/** A model with the reference's weights and settings. */
final class OracleCase implements AutoCloseable {
  private final Backend backend;
  private final Sgd optimizer;
  final Reference reference;
  final ModelSpec spec;
  final FasterRcnn model;
  final ParameterArena arena;
  final List<Target> targets = new ArrayList<>();

  OracleCase(Backend backend, Sgd optimizer, Path folder) throws IOException {
    this.backend = backend;
    this.optimizer = optimizer;
    reference = new Reference(folder);
    Path weights = folder.resolve("weights.safetensors");
    if (Files.exists(weights)) {
      try (Safetensors opened = Safetensors.open(weights)) {
        spec = spec(opened.metadata());
        model = (FasterRcnn) spec.build();
        arena = ParameterArena.forTraining(backend, model, optimizer.stateNames());
        StateDict.load(model, backend, opened.entries());
      }
    } else {
      spec = spec(reference.metadata());
      model = (FasterRcnn) spec.build();
      arena = ParameterArena.forTraining(backend, model, optimizer.stateNames());
      StateDict.load(model, backend, HashedWeights.of(model));
    }
    for (int i = 0; reference.has("image." + i); i++) {
      long[] labels = reference.longs("labels." + i);
      targets.add(
          new Target(
              reference.boxes("boxes." + i),
              Arrays.stream(labels).mapToInt(Math::toIntExact).toArray()));
    }
  }

  private static ModelSpec spec(Map<String, String> settings) {
    String name = settings.getOrDefault("model", "fasterrcnn_" + settings.get("backbone") + "_fpn");
    List<String> classNames =
        IntStream.range(1, Integer.parseInt(settings.get("classes")))
            .mapToObj(i -> "class" + i)
            .toList();
    Norm.Type norm = Norm.Type.valueOf(settings.get("norm").toUpperCase(Locale.ROOT));
    ModelSpec spec =
        ModelSpec.of(name, classNames, norm)
            .withConfig(
                c ->
                    c.withTransform(
                            t ->
                                t.withSizes(
                                    Integer.parseInt(settings.get("min_size")),
                                    Integer.parseInt(settings.get("max_size"))))
                        .withBoxHead(
                            b -> b.withScoreThresh(Float.parseFloat(settings.get("score"))))
                        .withRpn(
                            r ->
                                r.withPostNmsTopNTest(
                                        Long.parseLong(
                                            settings.getOrDefault(
                                                "rpn_post_nms_top_n_test", "1000")))
                                    .withBatchSizePerImage(10_000_000))
                        .withSampling(x -> x.withBatchSizePerImage(10_000_000)));
    Map<String, String> options = new LinkedHashMap<>(settings);
    options.keySet().retainAll(Hyperparameters.names(spec.config()));
    return spec.with(options);
  }

  List<Tensor> images(Ops ops) {
    List<Tensor> images = new ArrayList<>();
    for (int i = 0; i < targets.size(); i++) {
      long[] shape = reference.shape("image." + i);
      images.add(ops.upload(reference.channelsLast("image." + i), shape[1], shape[2], 3));
    }
    return images;
  }

  /** Trains on all images; the gradients are there afterwards. */
  LossValues train(Precision precision, long step, double learningRate) {
    TrainConfig config = TrainConfig.DEFAULT.withPrecision(precision).withOptimizer(optimizer);
    TensorScope scope = new TensorScope(backend.pool());
    List<Tensor> images = images(new Ops(backend, scope, Tape.NONE));
    Shard all = Shard.of(images.size(), 0, 1);
    try (DeviceBatch batch = new DeviceBatch(all, Inputs.of(images), targets, List.of(), scope)) {
      return new TrainingStep(model, arena, config).run(batch, step, learningRate);
    }
  }

  @Override
  public void close() {
    arena.close();
    reference.close();
  }
}
