/**
 * Networks that turn a batch of pictures into feature maps: ResNets and the feature pyramid on top.
 */
package dev.cocoli.detection.backbone;
