package dev.cocoli.cli;

import dev.cocoli.cli.terminal.TrainingWords;
import dev.cocoli.detection.DetectionPart;
import dev.cocoli.detection.PartTimes;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * The results of one detector of the family.
 *
 * @param model its name
 * @param paperSeconds the seconds per image in its paper
 * @param ap50 AP50 on the validation images
 * @param trainingSeconds the time of the steps and the stages after them, without evaluation and
 *     proposals
 * @param times the times of detection
 */
record FamilyRow(
    String model, double paperSeconds, double ap50, double trainingSeconds, PartTimes times) {
  static final String HEADER =
      String.format(
          Locale.ROOT,
          "%-26s %6s %10s %11s %11s %11s %11s %9s",
          "detector",
          "AP50",
          "training",
          "s/image",
          "proposals",
          "features",
          "head",
          "paper");

  String line() {
    return String.format(
        Locale.ROOT,
        "%-26s %6.3f %10s %11.3f %11.3f %11.3f %11.3f %7.1f s",
        model,
        ap50,
        TrainingWords.duration(trainingSeconds),
        times.seconds(),
        times.seconds(DetectionPart.PROPOSALS),
        times.seconds(DetectionPart.FEATURES),
        times.seconds(DetectionPart.HEAD),
        paperSeconds);
  }

  Map<String, Object> json() {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("model", model);
    values.put("AP50", ap50);
    values.put("training_seconds", trainingSeconds);
    values.put("seconds_per_picture", times.seconds());
    for (DetectionPart part : DetectionPart.values()) {
      values.put(part.name().toLowerCase(Locale.ROOT) + "_seconds", times.seconds(part));
    }
    values.put("paper_seconds", paperSeconds);
    return values;
  }
}
