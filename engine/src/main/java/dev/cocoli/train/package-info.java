/**
 * Trains a detector: steps, schedule, evaluation, checkpoints, the run folder. Prints nothing; a
 * {@link dev.cocoli.train.TrainingListener} is told what happens.
 */
package dev.cocoli.train;
