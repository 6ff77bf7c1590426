/**
 * Random changes of training images and their boxes: {@link dev.cocoli.data.augment.Augmentation}.
 */
package dev.cocoli.data.augment;
