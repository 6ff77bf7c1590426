package dev.cocoli.eval;

import dev.cocoli.structures.Box;

/**
 * One object of a Pascal VOC ground truth.
 *
 * @param box its box, in pixels of its image
 * @param label its class, 1 for the first
 * @param difficult whether the object is left out: neither finding nor missing it counts
 */
public record VocObject(Box box, int label, boolean difficult) {}
