/**
 * Draws images with known objects: coloured shapes on textured grounds, with occlusion, clutter,
 * noise and uneven light. They serve the demo and the tests, where a real data set is too large or
 * not at hand.
 */
package dev.cocoli.data.synthetic;
