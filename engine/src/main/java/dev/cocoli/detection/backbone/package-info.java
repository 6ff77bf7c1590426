/**
 * Networks that turn a batch of images into feature maps: ResNets and the feature pyramid on top.
 */
package dev.cocoli.detection.backbone;
