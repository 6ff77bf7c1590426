package dev.cocoli.data.synthetic;

import dev.cocoli.structures.Target;
import java.awt.image.BufferedImage;

/**
 * A generated image and what is on it.
 *
 * @param image the image, {@link BufferedImage#TYPE_INT_RGB}
 * @param target a box around the visible pixels of each shape, and its class
 */
public record ShapeScene(BufferedImage image, Target target) {}
