/**
 * Plain values that data, models, evaluation and reports share: boxes, ground truth, detections.
 */
package dev.cocoli.structures;
