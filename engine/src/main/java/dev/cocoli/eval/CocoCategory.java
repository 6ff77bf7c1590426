package dev.cocoli.eval;

/**
 * A class of objects under the id and name that COCO files give it.
 *
 * @param id the category id, any number
 * @param name the class name
 */
public record CocoCategory(long id, String name) {}
