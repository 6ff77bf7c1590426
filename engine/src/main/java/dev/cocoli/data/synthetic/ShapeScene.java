package dev.cocoli.data.synthetic;

import dev.cocoli.structures.Target;
import java.awt.image.BufferedImage;

/**
 * A generated picture and what is on it.
 *
 * @param picture the picture, {@link BufferedImage#TYPE_INT_RGB}
 * @param target a box around the visible pixels of each shape, and its class
 */
public record ShapeScene(BufferedImage picture, Target target) {}
