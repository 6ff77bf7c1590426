package dev.cocoli.train.rcnn;

import de.bwaldvogel.liblinear.Feature;
import de.bwaldvogel.liblinear.FeatureNode;
import de.bwaldvogel.liblinear.Linear;
import de.bwaldvogel.liblinear.Model;
import de.bwaldvogel.liblinear.Parameter;
import de.bwaldvogel.liblinear.Problem;
import de.bwaldvogel.liblinear.SolverType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;

/**
 * Trains a support vector machine a class against background that it gets wrong (Girshick et al.
 * 2014, section 2.3 and appendix B; the numbers are those of the authors' program, {@code
 * rcnn_train.m}). Objects of the class are positive, regions that hardly overlap one are
 * background, the others are left out. Images are shown one after the other; once enough background
 * that a machine gets wrong has come together, it is trained again, and what it gets right by far
 * is forgotten.
 */
final class SvmTrainer {
  /** A mistake on an object counts so often: {@code svm_pos_loss_weight}. */
  private static final double POSITIVE_WEIGHT = 2;

  /** The constant number that stands for the bias, regularised like all: {@code svm_bias_mult}. */
  private static final double BIAS = 10;

  private static final double TOLERANCE = 0.01;

  /** So much new background trains a machine again: {@code retrain_limit}. */
  private static final int RETRAIN_LIMIT = 2000;

  /** Background above this margin is hard, below the other is forgotten. */
  private static final float HARD_MARGIN = -1.0001f;

  private static final float EVICT_MARGIN = -1.2f;

  /** The margin of a class that is never reported: its logistic function is 2e-9. */
  static final float NEVER = -20;

  private final List<String> classNames;
  private final int width;
  private final double cost;
  private final float backgroundIou;
  private final LinearModels machines;
  private final List<List<Feature[]>> objects = new ArrayList<>();
  private final List<List<Feature[]>> background = new ArrayList<>();
  private final int[] fresh;
  private final boolean[] trained;

  static {
    Linear.disableDebugOutput();
  }

  /**
   * Begins.
   *
   * @param classNames the classes, without the background
   * @param width D, numbers a region
   * @param cost of a mistake
   * @param backgroundIou a region that overlaps objects of a class less is background to it
   */
  SvmTrainer(List<String> classNames, int width, double cost, float backgroundIou) {
    this.classNames = classNames;
    this.width = width;
    this.cost = cost;
    this.backgroundIou = backgroundIou;
    machines = LinearModels.zeros(classNames.size(), width);
    fresh = new int[classNames.size()];
    trained = new boolean[classNames.size()];
    for (int i = 0; i < classNames.size(); i++) {
      objects.add(new ArrayList<>());
      background.add(new ArrayList<>());
    }
  }

  /**
   * Takes the objects of an image; all of them are needed before the first background.
   *
   * @param image its features
   * @param scale what they are multiplied by
   */
  void addObjects(ImageFeatures image, float scale) {
    for (int object = 0; object < image.objects(); object++) {
      objects.get(image.target().labels()[object] - 1).add(features(image.row(object, scale)));
    }
  }

  /**
   * Takes the background of an image that the machines get wrong; all of it as long as there are
   * none.
   *
   * @param image its features
   * @param scale what they are multiplied by
   */
  void addBackground(ImageFeatures image, float scale) {
    for (int region = image.objects(); region < image.regions().size(); region++) {
      float[] row = image.row(region, scale);
      Feature[] features = null;
      for (int index = 0; index < classNames.size(); index++) {
        boolean isHard = !trained[index] || machines.at(index, row) > HARD_MARGIN;
        if (!objects.get(index).isEmpty()
            && isHard
            && image.overlap(region, index + 1) < backgroundIou) {
          features = features == null ? features(row) : features;
          background.get(index).add(features);
          fresh[index]++;
        }
      }
    }
    for (int index = 0; index < classNames.size(); index++) {
      if (fresh[index] > RETRAIN_LIMIT) {
        train(index);
      }
    }
  }

  /**
   * Trains on what came last.
   *
   * @param warnings told of each class that cannot be learned; its margin is always {@link #NEVER}
   * @return a machine a class, of scaled features
   */
  LinearModels finish(Consumer<String> warnings) {
    for (int index = 0; index < classNames.size(); index++) {
      if (fresh[index] > 0) {
        train(index);
      }
      if (!trained[index]) {
        machines.set(index, new float[width], NEVER);
        String lacking =
            objects.get(index).isEmpty() ? "no object" : "no background beside its objects";
        warnings.accept(
            "class '%s' has %s in the training images: it will never be found"
                .formatted(classNames.get(index), lacking));
      }
    }
    return machines;
  }

  private Feature[] features(float[] row) {
    List<Feature> features = new ArrayList<>();
    for (int i = 0; i < row.length; i++) {
      if (row[i] != 0) {
        features.add(new FeatureNode(i + 1, row[i]));
      }
    }
    features.add(new FeatureNode(width + 1, BIAS));
    return features.toArray(Feature[]::new);
  }

  private void train(int index) {
    List<Feature[]> all = new ArrayList<>(objects.get(index));
    all.addAll(background.get(index));
    Problem problem = new Problem();
    problem.l = all.size();
    problem.n = width + 1;
    problem.bias = BIAS;
    problem.x = all.toArray(Feature[][]::new);
    problem.y = new double[all.size()];
    Arrays.fill(problem.y, -1);
    Arrays.fill(problem.y, 0, objects.get(index).size(), 1);
    Parameter parameter = new Parameter(SolverType.L2R_L1LOSS_SVC_DUAL, cost, TOLERANCE);
    parameter.setWeights(new double[] {POSITIVE_WEIGHT, 1}, new int[] {1, -1});
    parameter.setRandom(new Random(0)); // the same data give the same machine
    set(index, Linear.train(problem, parameter));
    trained[index] = true;
    fresh[index] = 0;
    background.get(index).removeIf(features -> margin(index, features) < EVICT_MARGIN);
  }

  private void set(int index, Model model) {
    // the weights speak for the label that came first, and an object comes first
    float[] row = new float[width];
    for (int i = 0; i < width; i++) {
      row[i] = (float) model.getFeatureWeights()[i];
    }
    machines.set(index, row, (float) (BIAS * model.getFeatureWeights()[width]));
  }

  private double margin(int index, Feature[] features) {
    double sum = machines.bias()[index];
    for (Feature feature : features) {
      if (feature.getIndex() <= width) {
        sum += machines.weight()[index * width + feature.getIndex() - 1] * feature.getValue();
      }
    }
    return sum;
  }
}
