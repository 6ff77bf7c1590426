package dev.cocoli.report;

/**
 * The metrics of one evaluation, as a line of {@code metrics.jsonl} records them; NaN where the
 * line has no number.
 *
 * @param epoch the epoch after which it took place; its number among the evaluations where the line
 *     has no epoch
 * @param ap COCO's AP, -1 if undefined
 * @param ap50 COCO's AP50
 * @param ap75 COCO's AP75
 */
public record EvaluationMetrics(double epoch, double ap, double ap50, double ap75) {}
