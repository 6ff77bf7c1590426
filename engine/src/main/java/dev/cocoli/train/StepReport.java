package dev.cocoli.train;

import dev.cocoli.detection.LossValues;

/**
 * What a step did.
 *
 * @param step how many steps the run has done, this one included
 * @param epoch which epoch it belongs to, from 1
 * @param losses before the update
 * @param learningRate of the update
 * @param seconds from asking for the batch to the end of the update
 * @param dataWaitSeconds those of them spent waiting for images
 */
public record StepReport(
    long step,
    int epoch,
    LossValues losses,
    double learningRate,
    double seconds,
    double dataWaitSeconds) {}
