/** The annotation formats of datasets: PASCAL VOC and COCO. */
package dev.cocoli.data.formats;
