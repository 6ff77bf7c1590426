package dev.cocoli.benchmarks.compare;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cocoli.structures.Box;
import dev.cocoli.structures.Detection;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The result of a worker's last run.
 *
 * @param detections the detections per image, the best first; empty after training
 * @param losses under torchvision's names; empty after detection
 */
record Found(List<List<Detection>> detections, Map<String, Double> losses) {

  static Found of(JsonNode answer) {
    List<List<Detection>> images = new ArrayList<>();
    for (JsonNode image : answer.path("detections")) {
      List<Detection> found = new ArrayList<>();
      for (int i = 0; i < image.get("scores").size(); i++) {
        JsonNode box = image.get("boxes").get(i);
        found.add(
            new Detection(
                new Box(
                    (float) box.get(0).asDouble(),
                    (float) box.get(1).asDouble(),
                    (float) box.get(2).asDouble(),
                    (float) box.get(3).asDouble()),
                image.get("labels").get(i).asInt(),
                (float) image.get("scores").get(i).asDouble()));
      }
      images.add(found);
    }
    Map<String, Double> losses = new LinkedHashMap<>();
    answer
        .path("losses")
        .properties()
        .forEach(entry -> losses.put(entry.getKey(), entry.getValue().asDouble()));
    return new Found(images, losses);
  }
}
