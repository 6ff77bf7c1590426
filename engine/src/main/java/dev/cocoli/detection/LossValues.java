package dev.cocoli.detection;

/**
 * The four losses of a step, under torchvision's names; the step minimises their sum.
 *
 * @param lossClassifier cross entropy of the regions' classes
 * @param lossBoxReg smooth L1 of the regions' boxes
 * @param lossObjectness binary cross entropy of the anchors
 * @param lossRpnBoxReg smooth L1 of the anchors' boxes
 */
public record LossValues(
    float lossClassifier, float lossBoxReg, float lossObjectness, float lossRpnBoxReg) {

  /** {@return the loss that is minimised} */
  public float sum() {
    return lossClassifier + lossBoxReg + lossObjectness + lossRpnBoxReg;
  }

  /** {@return whether all are numbers} */
  public boolean areFinite() {
    return Float.isFinite(sum());
  }
}
