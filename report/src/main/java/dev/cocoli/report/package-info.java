/**
 * Draws what a run did for people to look at: loss and AP curves, and detections on images.
 * Everything works without a display; a font must be installed.
 */
package dev.cocoli.report;
