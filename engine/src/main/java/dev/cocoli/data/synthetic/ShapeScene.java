package dev.cocoli.data.synthetic;

import dev.cocoli.structures.Target;
import java.awt.image.BufferedImage;

/**
 * A generated image and its objects.
 *
 * @param image the image, {@link BufferedImage#TYPE_INT_RGB}
 * @param target a box around the visible pixels of each shape, and its class
 */
public record ShapeScene(BufferedImage image, Target target) {}
