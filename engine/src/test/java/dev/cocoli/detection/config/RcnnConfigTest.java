package dev.cocoli.detection.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.detection.head.RoiPooling;
import dev.cocoli.nn.Norm;
import java.lang.reflect.Method;
import java.lang.reflect.RecordComponent;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Configurations change one value at a time, and keep what they refuse. */
class RcnnConfigTest {
  static List<Record> parts() {
    return List.of(
        TransformConfig.DEFAULT,
        BackboneConfig.DEFAULT,
        AnchorConfig.DEFAULT,
        RpnConfig.DEFAULT,
        SamplingConfig.DEFAULT.withFgIouThresh(0.7f).withBgIouThresh(0.45f),
        BoxHeadConfig.DEFAULT,
        WarpConfig.DEFAULT,
        StagesConfig.DEFAULT);
  }

  @ParameterizedTest
  @MethodSource("parts")
  void aChangeIsOfOneValue(Record part) throws ReflectiveOperationException {
    RecordComponent[] components = part.getClass().getRecordComponents();
    assertTrue(components.length <= 10);
    for (RecordComponent changed : components) {
      String name = changed.getName();
      Method with =
          part.getClass()
              .getMethod(
                  "with" + Character.toUpperCase(name.charAt(0)) + name.substring(1),
                  changed.getType());
      Object value = other(changed.getAccessor().invoke(part));
      Record after = (Record) with.invoke(part, value);
      for (RecordComponent one : components) {
        Object expected = one == changed ? value : one.getAccessor().invoke(part);
        assertEquals(expected, one.getAccessor().invoke(after), name + " changes " + one.getName());
      }
    }
  }

  /** Another value that every part takes. */
  private static Object other(Object value) {
    return switch (value) {
      case Integer number -> number % 32 == 0 ? number + 32 : number == 5 ? 4 : number + 1;
      case Long number -> number + 1;
      case Float number -> number < 1 ? number * 0.9f + 0.01f : number + 1;
      case Norm.Type ignored -> Norm.Type.BATCH;
      case RoiPooling ignored -> RoiPooling.ALIGN;
      case List<?> list -> list.reversed();
      default -> throw new IllegalArgumentException(value.toString());
    };
  }

  @Test
  void partsAreReachedByTheirNames() {
    RcnnConfig config =
        RcnnConfig.DEFAULT
            .withTransform(t -> t.withSizes(1400, 2000))
            .withClassic(c -> c.withMaxProposals(7));
    assertEquals(1400, config.transform().minSize());
    assertEquals(7, config.classic().maxProposals());
    assertEquals(RpnConfig.DEFAULT, config.rpn());
    assertEquals("1400", Hyperparameters.values(config).get("min_size"));
    assertEquals("10.0,10.0,5.0,5.0", Hyperparameters.values(config).get("bbox_reg_weights"));
    assertThrows(IllegalArgumentException.class, () -> TransformConfig.DEFAULT.withMinSize(1400));
  }

  /** Weights files and run folders have these names. */
  @Test
  void namesStay() {
    String names =
        """
        min_size max_size image_mean image_std trainable_backbone_layers batch_norm_eps
        fpn_out_channels anchor_sizes anchor_aspect_ratios rpn_pre_nms_top_n_train
        rpn_pre_nms_top_n_test rpn_post_nms_top_n_train rpn_post_nms_top_n_test rpn_nms_thresh
        rpn_fg_iou_thresh rpn_bg_iou_thresh rpn_batch_size_per_image rpn_positive_fraction
        rpn_score_thresh box_fg_iou_thresh box_bg_iou_thresh box_batch_size_per_image
        box_positive_fraction box_bg_iou_min box_head_size box_score_thresh box_nms_thresh
        box_detections_per_img box_roi_pool box_pool_size box_sampling_ratio bbox_reg_weights
        box_smooth_l1_beta max_proposals warp_size warp_context warp_batch svm_c
        svm_neg_iou_thresh bbox_ridge bbox_iou_thresh
        """;
    assertEquals(List.of(names.split("\\s+")), Hyperparameters.names(RcnnConfig.DEFAULT));
  }

  /** Hyper-parameters of a program's own. */
  public record Own(boolean deep, double weight, String kind, List<Integer> widths) {}

  @Test
  void aProgramAddsItsOwn() {
    Own own = new Own(true, 0.25, "plain", List.of(16, 32));
    RcnnConfig config = RcnnConfig.DEFAULT.withOwn(own);
    Map<String, String> values = Hyperparameters.values(config);
    assertEquals("true", values.get("deep"));
    assertEquals("16,32", values.get("widths"));
    assertEquals(config, Hyperparameters.with(RcnnConfig.DEFAULT.withOwn(own), values));
    RcnnConfig changed =
        Hyperparameters.with(config, Map.of("deep", "false", "widths", "8", "kind", "a, b"));
    assertEquals(new Own(false, 0.25, "a, b", List.of(8)), changed.own(Own.class));
    assertEquals("0.7", Hyperparameters.values(changed).get("rpn_nms_thresh"));
    assertRefused("its default is true", () -> Hyperparameters.with(config, Map.of("deep", "2")));
    assertRefused("needs hyper-parameters of its own", () -> RcnnConfig.DEFAULT.own(Own.class));
  }

  @Test
  void aValueOutOfRangeIsNamed() {
    Map<String, String> wrong =
        Map.ofEntries(
            Map.entry("min_size", "-5"),
            Map.entry("fpn_out_channels", "0"),
            Map.entry("rpn_pre_nms_top_n_train", "0"),
            Map.entry("rpn_post_nms_top_n_test", "-1"),
            Map.entry("rpn_batch_size_per_image", "0"),
            Map.entry("rpn_positive_fraction", "1.5"),
            Map.entry("rpn_nms_thresh", "2"),
            Map.entry("box_batch_size_per_image", "0"),
            Map.entry("box_positive_fraction", "-1"),
            Map.entry("box_head_size", "0"),
            Map.entry("box_nms_thresh", "-0.5"),
            Map.entry("box_detections_per_img", "0"),
            Map.entry("max_proposals", "0"),
            Map.entry("warp_batch", "0"),
            Map.entry("svm_neg_iou_thresh", "2"),
            Map.entry("bbox_iou_thresh", "-1"));
    wrong.forEach(
        (name, value) -> {
          Map<String, String> change = Map.of(name, value);
          assertRefused(name + " is ", () -> Hyperparameters.with(RcnnConfig.DEFAULT, change));
          assertRefused(", not " + value, () -> Hyperparameters.with(RcnnConfig.DEFAULT, change));
        });
  }

  private record Taken(int minSize) {}

  private record Unwritten(Object any) {}

  @Test
  void whatCannotBeRecordedIsRefused() {
    assertRefused(
        "two hyper-parameters are called min_size",
        () -> Hyperparameters.values(RcnnConfig.DEFAULT.withOwn(new Taken(3))));
    assertRefused(
        "hyper-parameter any cannot be",
        () -> Hyperparameters.values(RcnnConfig.DEFAULT.withOwn(new Unwritten(new int[0]))));
    assertRefused(
        "hyper-parameter any cannot be recorded",
        () -> Hyperparameters.values(RcnnConfig.DEFAULT.withOwn(new Unwritten(List.of("a,b")))));
  }

  private static void assertRefused(String words, Executable action) {
    String message = assertThrows(IllegalArgumentException.class, action).getMessage();
    assertTrue(message.contains(words), message);
  }
}
