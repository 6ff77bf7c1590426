/**
 * Evaluates detections against ground truth: COCO's twelve box metrics and Pascal VOC's average
 * precision. Images are added one by one; evaluators can be merged. COCO's JSON files can be read
 * and written.
 */
package dev.cocoli.eval;
