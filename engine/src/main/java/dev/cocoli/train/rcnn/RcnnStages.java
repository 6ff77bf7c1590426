package dev.cocoli.train.rcnn;

import de.bwaldvogel.liblinear.Linear;
import dev.cocoli.backend.Backend;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.data.AnnotatedImage;
import dev.cocoli.data.BrokenImagePolicy;
import dev.cocoli.data.Dataset;
import dev.cocoli.data.image.Image;
import dev.cocoli.data.image.ImageDecodeException;
import dev.cocoli.data.proposals.ProposalSource;
import dev.cocoli.detection.FittedHead;
import dev.cocoli.detection.config.StagesConfig;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.Tape;
import dev.cocoli.structures.Box;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.train.TrainingException;
import dev.cocoli.train.TrainingListener;
import dev.cocoli.train.TrainingRun;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * What R-CNN's training does after the network is fine-tuned: describes the regions of every image,
 * trains a support vector machine a class, and a regression of boxes a class. Each stage leaves its
 * result in a {@link FeatureStore}; who comes back finds it there.
 */
public final class RcnnStages {
  /** Features are scaled to this norm in the mean ({@code rcnn_feature_stats.m}). */
  private static final double NORM = 20;

  private static final String SVM = "svm";
  private static final String REGRESSION = "bbox";

  private final TrainingRun run;
  private final FittedHead model;
  private final Backend backend;
  private final ProposalSource proposals;
  private final FeatureStore store;
  private final TrainingListener listener;
  private final StagesConfig config;
  private final Dataset data;

  public RcnnStages(
      TrainingRun run,
      FittedHead model,
      Backend backend,
      ProposalSource proposals,
      FeatureStore store,
      TrainingListener listener) {
    this.run = run;
    this.model = model;
    this.backend = backend;
    this.proposals = proposals;
    this.store = store;
    this.listener = listener;
    config = model.stages();
    data = run.trainData();
  }

  /**
   * Checks that the library for support vector machines is there, before anything is trained for
   * them: a program of modules has it only if it asks for it.
   *
   * @throws TrainingException if it is not
   */
  public static void requireSolver() {
    try {
      Linear.disableDebugOutput();
    } catch (LinkageError e) {
      throw new TrainingException(
          "R-CNN's support vector machines are trained by liblinear, which is not there: put its"
              + " jar on the module path, and start java with --add-modules liblinear",
          e);
    }
  }

  /**
   * Does the stages that are left and finishes the model.
   *
   * @param isStopRequested asked between images
   * @return false if it was asked to stop
   */
  public boolean run(BooleanSupplier isStopRequested) {
    if (!extract(isStopRequested)) {
      return false;
    }
    float scale = scale();
    Optional<LinearModels> machines = store.readStage(SVM);
    if (machines.isEmpty()) {
      machines = mine(scale, isStopRequested);
      if (machines.isEmpty()) {
        return false;
      }
      store.writeStage(SVM, machines.get());
    }
    Optional<LinearModels> boxes = store.readStage(REGRESSION);
    if (boxes.isEmpty()) {
      boxes = regress(scale, isStopRequested);
      if (boxes.isEmpty()) {
        return false;
      }
      store.writeStage(REGRESSION, boxes.get());
    }
    LinearModels svm = machines.get().ofUnscaled(scale);
    LinearModels bbox = boxes.get().ofUnscaled(scale);
    model.finish(backend, svm.weight(), svm.bias(), bbox.weight(), bbox.bias());
    return true;
  }

  private boolean extract(BooleanSupplier isStopRequested) {
    for (int i = 0; i < data.size(); i++) {
      if (isStopRequested.getAsBoolean()) {
        return false;
      }
      AnnotatedImage annotated = data.get(i);
      if (!store.has(i)) {
        try (Image image = data.image(i)) {
          store.write(i, features(annotated, image));
        } catch (ImageDecodeException e) {
          if (run.config().data().brokenImages() == BrokenImagePolicy.ERROR) {
            throw e;
          }
          // the loader has named it
        }
      }
      listener.stage("features", i + 1, data.size());
    }
    return true;
  }

  private ImageFeatures features(AnnotatedImage annotated, Image image) {
    List<Box> regions = new ArrayList<>(annotated.target().boxes());
    regions.addAll(model.best(proposals.proposals(annotated, image)));
    float[] values = new float[0];
    if (!regions.isEmpty()) {
      try (TensorScope scope = new TensorScope(backend.pool())) {
        Ops ops = new Ops(backend, scope, Tape.NONE, run.config().precision());
        Tensor uploaded = ops.allocate(DType.U8, image.height(), image.width(), 3);
        image.withPixels(pixels -> backend.transfers().upload(pixels, uploaded));
        values = ops.download(model.features(ops, uploaded, regions));
      }
    }
    return new ImageFeatures(annotated.target(), regions, model.featureCount(), values);
  }

  /** What brings the features to a mean norm of {@link #NORM}; 1 if they are all zero. */
  private float scale() {
    double[] sum = {0};
    long[] count = {0};
    forEach(
        "norms",
        () -> false,
        image -> {
          for (int region = 0; region < image.regions().size(); region++) {
            double squares = 0;
            for (float value : image.row(region, 1)) {
              squares += (double) value * value;
            }
            sum[0] += Math.sqrt(squares);
            count[0]++;
          }
        });
    return sum[0] == 0 ? 1 : (float) (NORM * count[0] / sum[0]);
  }

  private Optional<LinearModels> mine(float scale, BooleanSupplier isStopRequested) {
    SvmTrainer trainer =
        new SvmTrainer(
            run.model().classNames(),
            model.featureCount(),
            config.svmC(),
            config.svmNegIouThresh());
    boolean done =
        forEach("objects", isStopRequested, image -> trainer.addObjects(image, scale))
            && forEach(
                "support vector machines",
                isStopRequested,
                image -> trainer.addBackground(image, scale));
    return done ? Optional.of(trainer.finish(listener::message)) : Optional.empty();
  }

  private Optional<LinearModels> regress(float scale, BooleanSupplier isStopRequested) {
    int classes = run.model().classNames().size();
    int width = model.featureCount();
    LinearModels all = LinearModels.zeros(classes * BoxRegression.TARGETS, width);
    // one class at a time: the normal equations of a wide network fill a hundred megabytes
    for (int label = 1; label <= classes; label++) {
      BoxRegression regression = new BoxRegression(width);
      int own = label;
      if (!forEach(
          "box regression, " + run.model().classNames().get(label - 1),
          isStopRequested,
          image -> add(regression, image, own, scale))) {
        return Optional.empty();
      }
      LinearModels four = regression.solve(config.bboxRidge());
      int from = (label - 1) * BoxRegression.TARGETS;
      System.arraycopy(four.weight(), 0, all.weight(), from * width, four.weight().length);
      System.arraycopy(four.bias(), 0, all.bias(), from, BoxRegression.TARGETS);
    }
    return Optional.of(all);
  }

  private void add(BoxRegression regression, ImageFeatures image, int label, float scale) {
    for (int region = 0; region < image.regions().size(); region++) {
      int object = image.nearest(region, label);
      if (object >= 0) {
        Box box = image.regions().get(region);
        Box wanted = image.regions().get(object);
        if (box.iou(wanted) > config.bboxIouThresh()) {
          regression.add(image.row(region, scale), box, wanted);
        }
      }
    }
  }

  /** Shows every image's features; false if it was asked to stop. */
  private boolean forEach(
      String stage, BooleanSupplier isStopRequested, Consumer<ImageFeatures> reader) {
    for (int i = 0; i < data.size(); i++) {
      if (isStopRequested.getAsBoolean()) {
        return false;
      }
      store.read(i).ifPresent(reader);
      listener.stage(stage, i + 1, data.size());
    }
    return true;
  }
}
