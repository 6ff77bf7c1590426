/**
 * Scores detections against ground truth: COCO's twelve box numbers and Pascal VOC's average
 * precision. Both evaluators are fed image by image, can be merged, and read and write COCO's JSON
 * files.
 */
package dev.cocoli.eval;
