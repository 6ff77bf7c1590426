package dev.cocoli.detection.config;

import java.util.function.UnaryOperator;

/**
 * The hyper-parameters of a detector of the R-CNN family, part by part. A model takes the parts
 * that it has a use for. Every value keeps torchvision's name in {@link Hyperparameters}.
 *
 * <pre>{@code
 * RcnnConfig small = RcnnConfig.DEFAULT.withTransform(t -> t.withMinSize(240));
 * }</pre>
 *
 * @param transform how images become a batch
 * @param backbone the network
 * @param anchors the boxes that proposals are written relative to
 * @param rpn the region proposal network
 * @param sampling which proposals the RoI heads are trained on
 * @param boxHead the branch that classifies and refines proposals
 * @param maxProposals regions that are taken of an image, the best first, where they come from
 *     outside the detector
 * @param warp how R-CNN cuts regions out of images
 * @param stages what R-CNN fits after the steps
 */
public record RcnnConfig(
    TransformConfig transform,
    BackboneConfig backbone,
    AnchorConfig anchors,
    RpnConfig rpn,
    SamplingConfig sampling,
    BoxHeadConfig boxHead,
    long maxProposals,
    WarpConfig warp,
    StagesConfig stages) {
  /**
   * torchvision's {@code fasterrcnn_resnet50_fpn}; the papers' where torchvision has no such model.
   */
  public static final RcnnConfig DEFAULT =
      new RcnnConfig(
          TransformConfig.DEFAULT,
          BackboneConfig.DEFAULT,
          AnchorConfig.DEFAULT,
          RpnConfig.DEFAULT,
          SamplingConfig.DEFAULT,
          BoxHeadConfig.DEFAULT,
          2000,
          WarpConfig.DEFAULT,
          StagesConfig.DEFAULT);

  /** Checks the values. */
  public RcnnConfig {
    Hyperparameters.require(maxProposals >= 1, "numbers of regions are at least 1");
  }

  /**
   * {@return this with another {@link #transform}}
   *
   * @param change makes it of this one
   */
  public RcnnConfig withTransform(UnaryOperator<TransformConfig> change) {
    return new RcnnConfig(
        change.apply(transform),
        backbone,
        anchors,
        rpn,
        sampling,
        boxHead,
        maxProposals,
        warp,
        stages);
  }

  /**
   * {@return this with another {@link #backbone}}
   *
   * @param change makes it of this one
   */
  public RcnnConfig withBackbone(UnaryOperator<BackboneConfig> change) {
    return new RcnnConfig(
        transform,
        change.apply(backbone),
        anchors,
        rpn,
        sampling,
        boxHead,
        maxProposals,
        warp,
        stages);
  }

  /**
   * {@return this with another {@link #anchors}}
   *
   * @param change makes it of this one
   */
  public RcnnConfig withAnchors(UnaryOperator<AnchorConfig> change) {
    return new RcnnConfig(
        transform,
        backbone,
        change.apply(anchors),
        rpn,
        sampling,
        boxHead,
        maxProposals,
        warp,
        stages);
  }

  /**
   * {@return this with another {@link #rpn}}
   *
   * @param change makes it of this one
   */
  public RcnnConfig withRpn(UnaryOperator<RpnConfig> change) {
    return new RcnnConfig(
        transform,
        backbone,
        anchors,
        change.apply(rpn),
        sampling,
        boxHead,
        maxProposals,
        warp,
        stages);
  }

  /**
   * {@return this with another {@link #sampling}}
   *
   * @param change makes it of this one
   */
  public RcnnConfig withSampling(UnaryOperator<SamplingConfig> change) {
    return new RcnnConfig(
        transform,
        backbone,
        anchors,
        rpn,
        change.apply(sampling),
        boxHead,
        maxProposals,
        warp,
        stages);
  }

  /**
   * {@return this with another {@link #boxHead}}
   *
   * @param change makes it of this one
   */
  public RcnnConfig withBoxHead(UnaryOperator<BoxHeadConfig> change) {
    return new RcnnConfig(
        transform,
        backbone,
        anchors,
        rpn,
        sampling,
        change.apply(boxHead),
        maxProposals,
        warp,
        stages);
  }

  /**
   * {@return this with another {@link #maxProposals}}
   *
   * @param value the new one
   */
  public RcnnConfig withMaxProposals(long value) {
    return new RcnnConfig(
        transform, backbone, anchors, rpn, sampling, boxHead, value, warp, stages);
  }

  /**
   * {@return this with another {@link #warp}}
   *
   * @param change makes it of this one
   */
  public RcnnConfig withWarp(UnaryOperator<WarpConfig> change) {
    return new RcnnConfig(
        transform,
        backbone,
        anchors,
        rpn,
        sampling,
        boxHead,
        maxProposals,
        change.apply(warp),
        stages);
  }

  /**
   * {@return this with another {@link #stages}}
   *
   * @param change makes it of this one
   */
  public RcnnConfig withStages(UnaryOperator<StagesConfig> change) {
    return new RcnnConfig(
        transform,
        backbone,
        anchors,
        rpn,
        sampling,
        boxHead,
        maxProposals,
        warp,
        change.apply(stages));
  }
}
