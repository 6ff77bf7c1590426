package dev.cocoli.train;

/**
 * What a run is about to do.
 *
 * @param firstStep steps that were done before it was resumed; 0 for a new run
 * @param totalSteps steps of the whole run
 * @param stepsPerEpoch steps of an epoch
 * @param epochs epochs of the whole run
 * @param trainImages images that are trained on
 * @param validationImages images that are scored on; 0 without validation data
 * @param trainedElements numbers that the optimizer moves
 */
public record TrainingPlan(
    long firstStep,
    long totalSteps,
    int stepsPerEpoch,
    int epochs,
    int trainImages,
    int validationImages,
    long trainedElements) {}
