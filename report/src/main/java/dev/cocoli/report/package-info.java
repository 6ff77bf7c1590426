/**
 * Draws the results of a run: loss and AP curves, and detections on images. No display is needed,
 * but a font must be installed.
 */
package dev.cocoli.report;
