/**
 * Data sets: reads Pascal VOC and COCO data sets, checks every box, and decodes images in parallel
 * into batches off-heap. Nothing here depends on models.
 */
package dev.cocoli.data;
