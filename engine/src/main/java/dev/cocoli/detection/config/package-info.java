/**
 * The hyper-parameters of detectors: a record per part, with torchvision's defaults, and their
 * names.
 */
package dev.cocoli.detection.config;
