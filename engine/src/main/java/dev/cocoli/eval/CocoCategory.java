package dev.cocoli.eval;

/**
 * A class of objects, with the id and name that COCO files use for it.
 *
 * @param id the category id, any number
 * @param name the class name
 */
public record CocoCategory(long id, String name) {}
