/**
 * Images and their annotations: reads Pascal VOC and COCO data sets, checks every box, and decodes
 * images off-heap and in parallel into batches. Nothing here knows of models; what leaves is a
 * batch of images and targets.
 */
package dev.cocoli.data;
