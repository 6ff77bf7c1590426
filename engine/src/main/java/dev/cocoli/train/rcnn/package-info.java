/**
 * The stages of R-CNN that follow the fine-tuning of the network: features, SVMs, box regression.
 */
package dev.cocoli.train.rcnn;
