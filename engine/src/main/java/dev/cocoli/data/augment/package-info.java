/** Changes of training images, with their boxes: {@link dev.cocoli.data.augment.Augmentation}. */
package dev.cocoli.data.augment;
