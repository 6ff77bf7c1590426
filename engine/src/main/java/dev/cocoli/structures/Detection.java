package dev.cocoli.structures;

/**
 * One object that a detector found.
 *
 * @param box where, in pixels of the image as it was given
 * @param label the class, 1 for the first; 0 is the background and is never reported
 * @param score the probability of the class, from 0 to 1
 */
public record Detection(Box box, int label, float score) {}
