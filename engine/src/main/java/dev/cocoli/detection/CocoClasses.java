package dev.cocoli.detection;

import java.util.List;

/** The classes of the weights that torchvision trained on COCO. */
public final class CocoClasses {
  /**
   * Their names, label 1 first: COCO's 80 categories under COCO's own ids, 1 to 90. The ten ids
   * that COCO skips have a row in the weights too; their names, {@code N/A 12} and so on, are
   * torchvision's N/A with the id, because no two classes share a name.
   */
  public static final List<String> TORCHVISION =
      List.of(
          """
          person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light,
          fire hydrant, N/A 12, stop sign, parking meter, bench, bird, cat, dog, horse,
          sheep, cow, elephant, bear, zebra, giraffe, N/A 26, backpack, umbrella, N/A 29,
          N/A 30, handbag, tie, suitcase, frisbee, skis, snowboard, sports ball, kite,
          baseball bat, baseball glove, skateboard, surfboard, tennis racket, bottle, N/A 45,
          wine glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange,
          broccoli, carrot, hot dog, pizza, donut, cake, chair, couch, potted plant, bed,
          N/A 66, dining table, N/A 68, N/A 69, toilet, N/A 71, tv, laptop, mouse, remote,
          keyboard, cell phone, microwave, oven, toaster, sink, refrigerator, N/A 83, book,
          clock, vase, scissors, teddy bear, hair drier, toothbrush\
          """
              .split(",\\s+"));

  private CocoClasses() {}
}
