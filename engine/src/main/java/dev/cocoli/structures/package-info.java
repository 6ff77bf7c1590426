/**
 * Plain values that data, models, evaluation and reports share: boxes, ground truth, detections,
 * and the parts of objects that a program adds.
 */
package dev.cocoli.structures;
