/** The heads of detectors: anchors, proposals, RoI pooling, box heads. */
package dev.cocoli.detection.head;
