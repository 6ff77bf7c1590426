/**
 * The detectors: Faster R-CNN with a feature pyramid, part by part as torchvision composes it,
 * written against {@link dev.cocoli.ops.Ops} alone.
 */
package dev.cocoli.detection;
