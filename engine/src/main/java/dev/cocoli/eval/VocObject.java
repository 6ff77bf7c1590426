package dev.cocoli.eval;

import dev.cocoli.structures.Box;

/**
 * One object of a Pascal VOC ground truth.
 *
 * @param box where, in pixels of its image
 * @param label the class, 1 for the first
 * @param difficult whether finding it is neither rewarded nor missing it punished
 */
public record VocObject(Box box, int label, boolean difficult) {}
