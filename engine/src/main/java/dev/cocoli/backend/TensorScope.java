package dev.cocoli.backend;

import dev.cocoli.tensor.Buffer;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Shape;
import dev.cocoli.tensor.Tensor;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Set;

/**
 * An arena for tensors: everything allocated through it goes back to the pool when it closes, at
 * the latest. It belongs to the thread that opened it: no other may use or close it.
 */
public final class TensorScope implements AutoCloseable {
  private final BufferPool pool;
  private final Set<Buffer> owned = Collections.newSetFromMap(new IdentityHashMap<>());
  private final Thread owner = Thread.currentThread();
  private boolean closed;

  /**
   * Opens a scope.
   *
   * @param pool where the memory comes from
   */
  public TensorScope(BufferPool pool) {
    this.pool = pool;
  }

  /**
   * {@return a new tensor; its elements are undefined}
   *
   * @param dtype the element type
   * @param dims the extents
   */
  public Tensor allocate(DType dtype, long... dims) {
    return allocate(dtype, Shape.of(dims));
  }

  /**
   * {@return a new tensor; its elements are undefined}
   *
   * @param dtype the element type
   * @param shape the extents
   * @throws IllegalStateException if the scope or its pool is closed
   * @throws WrongThreadException on another thread than the one that opened the scope
   */
  public Tensor allocate(DType dtype, Shape shape) {
    requireOwner();
    if (closed) {
      throw new IllegalStateException("the scope is closed");
    }
    Buffer buffer = pool.take(shape.elementCount() * dtype.byteSize());
    owned.add(buffer);
    return new Tensor(buffer, 0, shape, dtype);
  }

  /**
   * Gives the memory under a tensor back before the scope ends; views of it go with it. Memory of
   * elsewhere is left alone.
   *
   * @param tensor what is not read any more
   */
  public void release(Tensor tensor) {
    requireOwner();
    if (owned.remove(tensor.buffer())) {
      tensor.buffer().close();
    }
  }

  /** {@return the number of allocations that have not been released} */
  public int liveTensors() {
    return owned.size();
  }

  private void requireOwner() {
    if (Thread.currentThread() != owner) {
      throw new WrongThreadException(
          "the scope belongs to the thread '%s', which opened it, not to '%s'"
              .formatted(owner.getName(), Thread.currentThread().getName()));
    }
  }

  /**
   * Gives all memory back. A second close does nothing.
   *
   * @throws WrongThreadException on another thread than the one that opened the scope
   */
  @Override
  public void close() {
    requireOwner();
    closed = true;
    owned.forEach(Buffer::close);
    owned.clear();
  }
}
