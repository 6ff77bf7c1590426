package dev.cocoli.nn.weights;

import dev.cocoli.nn.weights.Pickled.Storage;
import java.io.IOException;
import java.lang.foreign.MemorySegment;

/** What {@code torch.save} wrote, of whichever format. */
interface TorchArchive {
  /** Returns the saved object. */
  Object root();

  /**
   * Returns the bytes of a storage, as a view of the file.
   *
   * @throws IOException if the file lacks some of them
   */
  MemorySegment bytes(Storage storage) throws IOException;

  /** Throws an exception if the bytes of a storage differ from the file's checksum of them. */
  void requireIntact() throws IOException;

  /** Returns the part of a storage that a view of it may reach; throws if the file lacks it. */
  static MemorySegment part(MemorySegment all, Storage storage) throws IOException {
    try {
      long size = storage.type().byteSize();
      return all.asSlice(
          Math.multiplyExact(storage.first(), size), Math.multiplyExact(storage.count(), size));
    } catch (ArithmeticException | IndexOutOfBoundsException e) {
      throw new IOException(
          "it is damaged: its storage %s has %d bytes and claims %d %s"
              .formatted(
                  ZipArchive.shown(storage.key()), all.byteSize(), storage.count(), storage.type()),
          e);
    }
  }
}
