/**
 * Pictures and their annotations: reads Pascal VOC and COCO data sets, checks every box, and
 * decodes pictures off-heap and in parallel into batches. Nothing here knows of models; what leaves
 * is a batch of pictures and targets.
 */
package dev.cocoli.data;
