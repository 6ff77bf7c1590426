package dev.cocoli.nn.weights;

import dev.cocoli.nn.weights.Pickled.Dictionary;
import dev.cocoli.nn.weights.Pickled.None;
import dev.cocoli.nn.weights.Pickled.Sequence;
import dev.cocoli.nn.weights.Pickled.Storage;
import dev.cocoli.nn.weights.Pickled.Tuple;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.math.BigInteger;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What {@code torch.save} wrote from 2017 until torch 1.6: five pickles one after the other, then
 * the storages, each after its number of elements ({@code torch/serialization.py}, {@code
 * _legacy_save}).
 */
final class TorchStream implements TorchArchive {
  private static final BigInteger MAGIC = new BigInteger("1950a86a20f9469cfc6c", 16);
  private static final long PROTOCOL = 1001;
  private static final ValueLayout.OfLong COUNT =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** The whole storages that the pickle refers to. */
  private final Map<String, Storage> described = new HashMap<>();

  private final Map<String, MemorySegment> storages = new HashMap<>();
  private final Object root;

  private TorchStream(MemorySegment file) throws IOException {
    Unpickler magic = new Unpickler(file, 0, TorchStream::none);
    if (!MAGIC.equals(magic.load())) {
      throw new IOException("it is damaged: its magic number is wrong");
    }
    Unpickler protocol = new Unpickler(file, magic.position(), TorchStream::none);
    if (!protocol.load().equals(PROTOCOL)) {
      throw new IOException("it is of another version of torch.save's stream than " + PROTOCOL);
    }
    Unpickler system = new Unpickler(file, protocol.position(), TorchStream::none);
    if (system.load() instanceof Dictionary facts
        && Boolean.FALSE.equals(facts.items.get("little_endian"))) {
      throw new IOException("its numbers are big-endian: load and save it on another machine");
    }
    Unpickler object = new Unpickler(file, system.position(), this::storage);
    root = object.load();
    Unpickler keys = new Unpickler(file, object.position(), TorchStream::none);
    readStorages(file, keys.load(), keys.position());
  }

  /** Reads a mapped file. */
  static TorchStream read(MemorySegment file) throws IOException {
    return new TorchStream(file);
  }

  private static Object none(List<Object> id) throws IOException {
    throw new IOException("it is damaged: a header of it refers to a storage");
  }

  /**
   * A persistent id: ("storage", its class, key, device, count of elements, None or what part of it
   * this is: key, first element, count).
   */
  private Storage storage(List<Object> id) throws IOException {
    if (!id.isEmpty() && id.getFirst().equals("module")) {
      throw new IOException(
          "it has a whole pickled model in it; save model.state_dict() by torch.save instead");
    }
    if (id.size() != 6 || !id.getFirst().equals("storage")) {
      throw new IOException("its pickle is damaged: it refers to what is no storage");
    }
    Storage whole = TorchNames.storage(id.get(1), id.get(2), id.get(4));
    described.putIfAbsent(whole.key(), whole);
    if (id.get(5) == None.NONE) {
      return whole;
    }
    if (id.get(5) instanceof Tuple view
        && view.items.size() == 3
        && view.items.get(1) instanceof Long first
        && view.items.get(2) instanceof Long count
        && first >= 0
        && count >= 0) {
      return new Storage(whole.type(), whole.typeName(), whole.key(), first, count);
    }
    throw new IOException("its pickle is damaged: it describes a storage wrongly");
  }

  private void readStorages(MemorySegment file, Object keys, long start) throws IOException {
    if (!(keys instanceof Sequence list)) {
      throw new IOException("it is damaged: it has no list of its storages");
    }
    long at = start;
    for (Object key : list.items) {
      Storage storage = key instanceof String ? described.get(key) : null;
      if (storage == null || storage.type() == null || file.byteSize() - at < Long.BYTES) {
        throw new IOException(
            "it is damaged, or was cut off: a storage is missing, or of a type that no weights"
                + " have");
      }
      long count = file.get(COUNT, at);
      at += Long.BYTES;
      long room = (file.byteSize() - at) / storage.type().byteSize();
      if (count != storage.count() || count > room) {
        throw new IOException(
            "it is damaged, or was cut off: its storage %s has %d elements, and room for %d"
                .formatted(ZipArchive.shown(storage.key()), count, room));
      }
      MemorySegment bytes = file.asSlice(at, count * storage.type().byteSize());
      storages.put(storage.key(), bytes);
      at += bytes.byteSize();
    }
  }

  @Override
  public Object root() {
    return root;
  }

  @Override
  public MemorySegment bytes(Storage storage) throws IOException {
    MemorySegment all = storages.get(storage.key());
    if (all == null) {
      throw new IOException(
          "it is damaged: it has no bytes for its storage " + ZipArchive.shown(storage.key()));
    }
    return TorchArchive.part(all, storage);
  }

  /** The format has no checksums. */
  @Override
  public void requireIntact() {}
}
