package dev.cocoli.benchmarks.compare;

import dev.cocoli.structures.Box;
import dev.cocoli.structures.Detection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** Compares the results of two sides, to make sure that they did the same work. */
final class Agreement {
  private Agreement() {}

  /**
   * {@return a text about the first difference that is larger than allowed; empty if there is none}
   *
   * @param ours the result of Cocoli
   * @param theirs the result of a peer
   * @param tolerance the allowed differences
   */
  static Optional<String> difference(Found ours, Found theirs, Tolerance tolerance) {
    if (ours.detections().size() != theirs.detections().size()) {
      return Optional.of(
          "results for %d images, theirs for %d"
              .formatted(ours.detections().size(), theirs.detections().size()));
    }
    if (ours.detections().isEmpty() && ours.losses().isEmpty()) {
      return Optional.of("there is no result");
    }
    for (int i = 0; i < ours.detections().size(); i++) {
      Optional<String> difference =
          detections(ours.detections().get(i), theirs.detections().get(i), tolerance);
      if (difference.isPresent()) {
        return Optional.of("image " + (i + 1) + ": " + difference.get());
      }
    }
    return losses(ours.losses(), theirs.losses(), tolerance);
  }

  private static Optional<String> detections(
      List<Detection> ours, List<Detection> theirs, Tolerance tolerance) {
    if (ours.isEmpty() || theirs.isEmpty()) {
      return Optional.of(
          "nothing to compare: %d detections, theirs %d".formatted(ours.size(), theirs.size()));
    }
    boolean[] taken = new boolean[theirs.size()];
    int partners = 0;
    String first = null;
    for (Detection one : ours) {
      int partner = partner(one, theirs, taken, tolerance);
      if (partner >= 0) {
        taken[partner] = true;
        partners++;
      } else if (first == null) {
        first = describe(one);
      }
    }
    int most = Math.max(ours.size(), theirs.size());
    return partners >= tolerance.share() * most
        ? Optional.empty()
        : Optional.of(
            "only %d of %d detections are the same (%d here, %d there)%s"
                .formatted(
                    partners,
                    most,
                    ours.size(),
                    theirs.size(),
                    first == null ? "" : "; the first that they do not have: " + first));
  }

  private static int partner(
      Detection one, List<Detection> others, boolean[] taken, Tolerance tolerance) {
    int best = -1;
    double bestIou = tolerance.iou();
    for (int i = 0; i < others.size(); i++) {
      Detection other = others.get(i);
      if (!taken[i]
          && other.label() == one.label()
          && Math.abs(other.score() - one.score()) <= tolerance.score()) {
        double iou = iou(one.box(), other.box());
        if (iou >= bestIou) {
          best = i;
          bestIou = iou;
        }
      }
    }
    return best;
  }

  private static double iou(Box a, Box b) {
    double width = Math.min(a.x2(), b.x2()) - Math.max(a.x1(), b.x1());
    double height = Math.min(a.y2(), b.y2()) - Math.max(a.y1(), b.y1());
    if (width <= 0 || height <= 0) {
      return 0;
    }
    double both = width * height;
    return both / (area(a) + area(b) - both);
  }

  private static double area(Box box) {
    return (double) box.width() * box.height();
  }

  private static String describe(Detection one) {
    Box box = one.box();
    return String.format(
        Locale.ROOT,
        "class %d, score %.4f, box %.2f %.2f %.2f %.2f",
        one.label(),
        one.score(),
        box.x1(),
        box.y1(),
        box.x2(),
        box.y2());
  }

  private static Optional<String> losses(
      Map<String, Double> ours, Map<String, Double> theirs, Tolerance tolerance) {
    if (!ours.keySet().equals(theirs.keySet())) {
      return Optional.of("losses " + ours.keySet() + ", theirs " + theirs.keySet());
    }
    double sum = theirs.values().stream().mapToDouble(Math::abs).sum();
    for (Map.Entry<String, Double> loss : ours.entrySet()) {
      double other = theirs.get(loss.getKey());
      double difference = Math.abs(loss.getValue() - other);
      // the negation makes NaN fail
      double allowed = Math.max(tolerance.loss() * Math.abs(other), tolerance.lossOfSum() * sum);
      if (!(difference <= allowed)) {
        return Optional.of(
            String.format(
                Locale.ROOT, "%s is %.6f, theirs %.6f", loss.getKey(), loss.getValue(), other));
      }
    }
    return Optional.empty();
  }
}
