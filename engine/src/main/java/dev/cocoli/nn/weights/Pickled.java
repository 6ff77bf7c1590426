package dev.cocoli.nn.weights;

import dev.cocoli.tensor.DType;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A value in a pickle that is no string, number or Boolean. Containers are equal only to
 * themselves, because one may contain itself.
 */
sealed interface Pickled {
  /** Python's None. */
  enum None implements Pickled {
    NONE
  }

  /** A tuple. */
  final class Tuple implements Pickled {
    final List<Object> items;

    Tuple(List<Object> items) {
      this.items = items;
    }
  }

  /** A list. */
  final class Sequence implements Pickled {
    final List<Object> items = new ArrayList<>(0);
  }

  /** A dictionary, of whichever class. */
  final class Dictionary implements Pickled {
    final Map<Object, Object> items = new LinkedHashMap<>();
  }

  /**
   * A class or function that is named; it is never looked up.
   *
   * @param text its module and name
   */
  record Name(String text) implements Pickled {}

  /**
   * The memory that tensors are views of.
   *
   * @param type of its elements; null for one that no weights have
   * @param typeName for messages
   * @param key by which the file finds its bytes
   * @param first the element that it begins with
   * @param count of elements
   */
  record Storage(DType type, String typeName, String key, long first, long count)
      implements Pickled {}

  /**
   * A tensor.
   *
   * @param storage what it is a view of
   * @param type of its elements
   * @param offset of its first element
   * @param size its extents
   * @param stride elements from one to the next along each extent
   */
  record Tensor(Storage storage, DType type, long offset, long[] size, long[] stride)
      implements Pickled {}

  /**
   * Anything that is allowed but is no weight.
   *
   * @param what it is, for messages
   */
  record Other(String what) implements Pickled {}
}
