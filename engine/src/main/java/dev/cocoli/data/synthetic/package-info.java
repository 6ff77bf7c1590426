/**
 * Draws images with known objects: coloured shapes on textured grounds, with occlusion, clutter,
 * noise and uneven light. The demo and the tests use them where a real data set is too large or not
 * available.
 */
package dev.cocoli.data.synthetic;
