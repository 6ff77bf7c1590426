package dev.cocoli.nn.weights;

import dev.cocoli.nn.weights.Pickled.Storage;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;

/**
 * What {@code torch.save} has written since torch 1.6: a ZIP archive with a pickle and one record
 * per storage ({@code torch/serialization.py}, {@code _save}).
 */
final class TorchZip implements TorchArchive {
  private static final String PICKLE = "/data.pkl";
  private static final long PIECE = 1L << 30;

  private final ZipArchive zip;
  private final String folder;
  private final Map<String, MemorySegment> storages = new HashMap<>();
  private final Object root;

  private TorchZip(ZipArchive zip, String folder) throws IOException {
    this.zip = zip;
    this.folder = folder;
    ZipArchive.Entry pickle = zip.find(folder + PICKLE);
    requireIntact(pickle);
    root = new Unpickler(zip.data(pickle), 0, TorchZip::storage).load();
  }

  /** Reads a mapped file. */
  static TorchZip read(MemorySegment file) throws IOException {
    ZipArchive zip = ZipArchive.read(file);
    String folder = folder(zip);
    ZipArchive.Entry order = zip.find(folder + "/byteorder");
    if (order != null && text(zip.data(order)).equals("big")) {
      throw new IOException("its numbers are big-endian: load and save it on another machine");
    }
    return new TorchZip(zip, folder);
  }

  /** Returns the folder of the archive that everything is in. */
  private static String folder(ZipArchive zip) throws IOException {
    Collection<ZipArchive.Entry> entries = zip.entries();
    String found = null;
    for (ZipArchive.Entry entry : entries) {
      String name = entry.name();
      if (name.endsWith(PICKLE) && name.indexOf('/') == name.length() - PICKLE.length()) {
        if (found != null) {
          throw new IOException("it is a ZIP archive with two data.pkl");
        }
        found = name.substring(0, name.length() - PICKLE.length());
      }
    }
    if (found == null) {
      throw new IOException(otherArchive(entries));
    }
    if (zip.find(found + "/constants.pkl") != null) {
      throw new IOException(
          "it is a TorchScript archive, a program with weights in it; save its state dict in"
              + " Python: torch.save(torch.jit.load(FILE).state_dict(), OTHER)");
    }
    return found;
  }

  private static String otherArchive(Collection<ZipArchive.Entry> entries) {
    for (ZipArchive.Entry entry : entries) {
      String name = entry.name();
      if (name.endsWith(".npy")) {
        return "it is an archive of NumPy arrays (.npz), no state dict of torch.save";
      }
      if (name.endsWith("model.json") || name.endsWith("/archive_format")) {
        return "it is a program of torch.export, no state dict; save the model's state dict by"
            + " torch.save";
      }
      if (name.endsWith(".weights.h5")) {
        return "it is a Keras model; only PyTorch's weights can be read";
      }
      if (name.matches("(?i).*\\.(pth|pt|bin|safetensors)")) {
        return "it is a ZIP archive with " + ZipArchive.shown(name) + " in it: unpack it";
      }
    }
    return "it is a ZIP archive that torch.save did not write: it has no data.pkl";
  }

  private static String text(MemorySegment bytes) {
    int longest = 16;
    byte[] some =
        bytes.asSlice(0, Math.min(bytes.byteSize(), longest)).toArray(ValueLayout.JAVA_BYTE);
    return new String(some, StandardCharsets.US_ASCII).strip();
  }

  /** A persistent id: ("storage", its class, key, device, count of elements). */
  private static Storage storage(List<Object> id) throws IOException {
    if (id.size() != 5 || !id.getFirst().equals("storage")) {
      throw new IOException("its pickle is damaged: it refers to what is no storage");
    }
    return TorchNames.storage(id.get(1), id.get(2), id.get(4));
  }

  @Override
  public Object root() {
    return root;
  }

  @Override
  public MemorySegment bytes(Storage storage) throws IOException {
    MemorySegment all = storages.get(storage.key());
    if (all == null) {
      ZipArchive.Entry entry = zip.find(folder + "/data/" + storage.key());
      if (entry == null) {
        throw new IOException(
            "it is damaged: it has no record for its storage " + ZipArchive.shown(storage.key()));
      }
      all = zip.data(entry);
      storages.put(storage.key(), all);
    }
    return TorchArchive.part(all, storage);
  }

  @Override
  public void requireIntact() throws IOException {
    for (String key : storages.keySet()) {
      requireIntact(zip.find(folder + "/data/" + key));
    }
  }

  /** Checks a record; one whose sum is 0 was written without (torch's set_crc32_options). */
  private void requireIntact(ZipArchive.Entry entry) throws IOException {
    if (entry.crc() == 0) {
      return;
    }
    MemorySegment data = zip.data(entry);
    CRC32 sum = new CRC32();
    for (long at = 0; at < data.byteSize(); at += PIECE) {
      ByteBuffer piece = data.asSlice(at, Math.min(PIECE, data.byteSize() - at)).asByteBuffer();
      sum.update(piece);
    }
    if ((int) sum.getValue() != entry.crc()) {
      throw new IOException(
          "it is damaged: the bytes of its record %s differ from their checksum"
              .formatted(ZipArchive.shown(entry.name())));
    }
  }
}
