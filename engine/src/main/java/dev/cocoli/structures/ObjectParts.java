package dev.cocoli.structures;

import java.awt.geom.AffineTransform;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * The parts of an object, at most one of each class.
 *
 * @param list the parts, in the order in which they were added
 */
public record ObjectParts(List<ObjectPart> list) {
  /** No parts. */
  public static final ObjectParts NONE = new ObjectParts(List.of());

  /** Copies the list, and checks that no two parts have the same class. */
  public ObjectParts {
    list = List.copyOf(list);
    if (list.stream().map(Object::getClass).distinct().count() < list.size()) {
      throw new IllegalArgumentException("two parts of an object have the same class: " + list);
    }
  }

  /**
   * {@return the part of a class, if there is one}
   *
   * @param type the class
   * @param <P> that class
   */
  public <P extends ObjectPart> Optional<P> get(Class<P> type) {
    return list.stream().filter(type::isInstance).map(type::cast).findFirst();
  }

  /**
   * {@return these parts and one more}
   *
   * @param part replaces a part of the same class
   */
  public ObjectParts with(ObjectPart part) {
    List<ObjectPart> all = new ArrayList<>(list);
    all.removeIf(other -> other.getClass() == part.getClass());
    all.add(part);
    return new ObjectParts(all);
  }

  ObjectParts moved(AffineTransform move) {
    return each(part -> part.moved(move));
  }

  ObjectParts clipped(int width, int height) {
    return each(part -> part.clipped(width, height));
  }

  private ObjectParts each(UnaryOperator<ObjectPart> change) {
    return list.isEmpty() ? this : new ObjectParts(list.stream().map(change).toList());
  }
}
