package dev.cocoli.train;

import dev.cocoli.eval.CocoMetrics;

/**
 * What an evaluation on the validation data found.
 *
 * @param epoch how many epochs the run has done
 * @param step how many steps
 * @param metrics COCO's numbers
 * @param isBest whether no evaluation before had a higher AP
 * @param seconds that it took
 */
public record EvaluationReport(
    int epoch, long step, CocoMetrics metrics, boolean isBest, double seconds) {}
