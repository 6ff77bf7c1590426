package dev.cocoli.report;

/**
 * A line of {@code metrics.jsonl} about one training step; NaN where the line has no number.
 *
 * @param step the step, from 1
 * @param lossClassifier cross entropy of the box head
 * @param lossBoxReg smooth L1 of the box head
 * @param lossObjectness binary cross entropy of the region proposals
 * @param lossRpnBoxReg smooth L1 of the region proposals
 * @param loss the sum of the four
 * @param lr the learning rate
 * @param seconds the duration of the step
 * @param dataWaitSeconds the part of it spent waiting for images
 */
public record StepMetrics(
    long step,
    double lossClassifier,
    double lossBoxReg,
    double lossObjectness,
    double lossRpnBoxReg,
    double loss,
    double lr,
    double seconds,
    double dataWaitSeconds) {}
