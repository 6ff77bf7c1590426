package dev.cocoli.bundle.prove;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocoli.bundle.selftest.Finding;
import dev.cocoli.bundle.selftest.Finding.Verdict;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Trains on the blood cells of BCCD by the recipe of docs/benchmarks.md, and holds the AP to what
 * the CPU reaches there.
 *
 * @param data the folder of BCCD, as Pascal VOC
 */
record BccdStage(Path data) implements Stage {
  /** Seeds, and sums in another order, change the AP by some hundredths. */
  private static final double ALLOWED = 0.03;

  private static final String RECIPE =
      "--split trainval --val-split test --model fasterrcnn_resnet18_fpn --norm batch"
          + " --min-size 240 --max-size 480 --epochs 10 --batch 4 --lr 0.02 --warmup 100"
          + " --lr-steps 0.75 --set box_head_size=256 --set box_batch_size_per_image=128"
          + " --set rpn_pre_nms_top_n_train=500 --set rpn_post_nms_top_n_train=300"
          + " --set rpn_pre_nms_top_n_test=300 --set rpn_post_nms_top_n_test=150 --seed 0";

  /** What the CPU reaches, by docs/benchmarks.md. */
  enum Reference {
    FP32(0.570, 0.901),
    BF16(0.561, 0.895);

    private final double ap;
    private final double ap50;

    Reference(double ap, double ap50) {
      this.ap = ap;
      this.ap50 = ap50;
    }
  }

  @Override
  public void run(Request request, StageReport report) throws IOException, InterruptedException {
    for (Reference reference : Reference.values()) {
      String precision = reference.name().toLowerCase(Locale.ROOT);
      String check = "BCCD in " + precision;
      if (!request.wants(check)) {
        continue;
      }
      if (report.secondsLeft() <= 0) {
        report.add(report.leftOut(check));
        continue;
      }
      Path run = request.folder().resolve("bccd-" + precision);
      List<String> arguments = new ArrayList<>(List.of("train", "--data", data.toString()));
      arguments.addAll(List.of(RECIPE.split(" ")));
      arguments.addAll(List.of("--device", request.device().toString()));
      arguments.addAll(List.of("--precision", precision, "--out", run.toString()));
      Ran ran =
          Ran.run(
              Launch.PLAIN.command("dev.cocoli.cli.Main", arguments),
              Map.of(),
              report.secondsLeft(),
              report,
              line -> {});
      report.add(ran.problem().isPresent() ? ran.failed(check) : read(check, run, reference, ran));
    }
  }

  static Finding read(String check, Path run, Reference reference, Ran ran) throws IOException {
    ObjectMapper mapper = new ObjectMapper();
    List<Double> seconds = new ArrayList<>();
    double ap = -1;
    double ap50 = -1;
    for (String line : Files.readAllLines(run.resolve("metrics.jsonl"))) {
      JsonNode json = mapper.readTree(line);
      if (json.has("AP")) {
        ap = json.get("AP").asDouble();
        ap50 = json.get("AP50").asDouble();
      } else if (json.has("seconds")) {
        seconds.add(json.get("seconds").asDouble());
      }
    }
    Collections.sort(seconds);
    double step = seconds.isEmpty() ? 0 : 1e3 * seconds.get(seconds.size() / 2);
    return new Finding(
        check,
        ap < reference.ap - ALLOWED ? Verdict.FAILED : Verdict.OK,
        String.format(
            Locale.ROOT,
            "AP %.3f, AP50 %.3f (the CPU: %.3f, %.3f); %.1f ms a step",
            ap,
            ap50,
            reference.ap,
            reference.ap50,
            step),
        ran.seconds(),
        Map.of("AP", ap, "AP50", ap50, "milliseconds", step));
  }
}
