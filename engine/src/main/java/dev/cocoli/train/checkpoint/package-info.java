/** The files of a training run: checkpoints, the run folder, the metrics log. */
package dev.cocoli.train.checkpoint;
