/** R-CNN and Fast R-CNN, which take their proposals from outside. */
package dev.cocoli.detection.classic;
