package dev.cocoli.nn.weights;

import dev.cocoli.nn.weights.Pickled.Dictionary;
import dev.cocoli.nn.weights.Pickled.Name;
import dev.cocoli.nn.weights.Pickled.None;
import dev.cocoli.nn.weights.Pickled.Other;
import dev.cocoli.nn.weights.Pickled.Sequence;
import dev.cocoli.nn.weights.Pickled.Tuple;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.math.BigInteger;
import java.nio.ByteOrder;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads a pickle with the opcodes that torch's weights-only loader admits (Python's pickletools has
 * them all). It builds plain values only: a name that the pickle holds is compared with a list, and
 * what "calling" it gives is decided by {@link TorchNames}. It works without recursion, and what a
 * file can make it allocate is limited.
 */
final class Unpickler {
  /** A state dict and an optimizer of 3,000 parameters have about half a million. */
  private static final int MAX_VALUES = 1 << 21;

  /** More than ten times as much as the largest state dicts have. */
  private static final long MAX_BYTES = 1 << 26;

  private static final int MAX_LINE = 512;

  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong BIG_LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

  /** Finds what a pickle refers to outside itself. */
  @FunctionalInterface
  interface Persistent {
    /** Returns the value of a persistent id. */
    Object find(List<Object> id) throws IOException;
  }

  private final MemorySegment file;
  private final long end;
  private final Persistent persistent;
  private final List<Object> stack = new ArrayList<>();
  private final List<Integer> marks = new ArrayList<>();
  private final Map<Integer, Object> memo = new HashMap<>();
  private long at;
  private int values;

  /**
   * Prepares.
   *
   * @param file what it is in
   * @param start where it begins
   * @param persistent finds what it refers to
   */
  Unpickler(MemorySegment file, long start, Persistent persistent) {
    this.file = file;
    this.at = start;
    this.end = Math.min(file.byteSize(), start + MAX_BYTES);
    this.persistent = persistent;
  }

  /** Returns where the pickle ends. */
  long position() {
    return at;
  }

  /** Returns the pickled value. */
  Object load() throws IOException {
    while (true) {
      int opcode = file.get(ValueLayout.JAVA_BYTE, take(1)) & 0xFF;
      if (opcode == '.') {
        return pop();
      }
      step(opcode);
    }
  }

  private void step(int opcode) throws IOException {
    switch (opcode) {
      case 0x80 -> take(1); // the protocol: what counts is which opcodes it uses
      case '(' -> mark();
      case 'N' -> push(None.NONE);
      case 0x88 -> push(true);
      case 0x89 -> push(false);
      case 'J' -> push((long) file.get(INT, take(4)));
      case 'K' -> push((long) u8());
      case 'M' -> push((long) (file.get(SHORT, take(2)) & 0xFFFF));
      case 0x8a -> push(longOf(u8()));
      case 'G' -> push(Double.longBitsToDouble(file.get(BIG_LONG, take(8))));
      case 'X' -> push(text(file.get(INT, take(4)) & 0xFFFF_FFFFL, StandardCharsets.UTF_8));
      case 'U' -> push(text(u8(), StandardCharsets.ISO_8859_1));
      case ')' -> push(new Tuple(List.of()));
      case 't' -> push(new Tuple(popMarked()));
      case 0x85 -> push(tuple(1));
      case 0x86 -> push(tuple(2));
      case 0x87 -> push(tuple(3));
      case ']' -> push(new Sequence());
      case 'a' -> append(List.of(pop()));
      case 'e' -> append(popMarked());
      case '}' -> push(new Dictionary());
      case 0x8f -> push(new Other("a set"));
      case 's' -> {
        Object value = pop();
        putAll(List.of(pop(), value));
      }
      case 'u' -> putAll(popMarked());
      case 'q' -> remember(u8());
      case 'r' -> remember(file.get(INT, take(4)));
      case 'h' -> push(recall(u8()));
      case 'j' -> push(recall(file.get(INT, take(4))));
      case 'c' -> push(TorchNames.allowed(line(), line()));
      case 'Q' -> push(persistent.find(argumentsOf(pop())));
      case 'R', 0x81 -> {
        List<Object> arguments = argumentsOf(pop());
        Object made = TorchNames.call(nameOf(pop()), arguments);
        if (made instanceof Dictionary dictionary) {
          values += dictionary.items.size(); // which may be a copy
        }
        push(made);
      }
      case 'b' -> build();
      default ->
          throw new IOException(
              "its pickle has the opcode 0x%02x, which torch's weights-only loader does not admit either; save it again with torch.save's own protocol"
                  .formatted(opcode));
    }
  }

  // ---- the bytes

  private long take(long count) throws IOException {
    if (count > end - at) {
      throw damaged("it ends early, or is longer than " + MAX_BYTES + " bytes");
    }
    long from = at;
    at += count;
    return from;
  }

  private int u8() throws IOException {
    return file.get(ValueLayout.JAVA_BYTE, take(1)) & 0xFF;
  }

  private String text(long size, Charset charset) throws IOException {
    long from = take(size);
    return new String(file.asSlice(from, size).toArray(ValueLayout.JAVA_BYTE), charset);
  }

  /** A number of any size, little-endian; one that fits 64 bits is a Long. */
  private Object longOf(int size) throws IOException {
    byte[] bytes = file.asSlice(take(size), size).toArray(ValueLayout.JAVA_BYTE);
    byte[] bigEndian = new byte[size];
    for (int i = 0; i < size; i++) {
      bigEndian[i] = bytes[size - 1 - i];
    }
    BigInteger value = size == 0 ? BigInteger.ZERO : new BigInteger(bigEndian);
    return value.bitLength() < Long.SIZE ? (Object) value.longValue() : value;
  }

  private String line() throws IOException {
    long from = at;
    while (file.get(ValueLayout.JAVA_BYTE, take(1)) != '\n') {
      if (at - from > MAX_LINE) {
        throw damaged("a name in it has no end");
      }
    }
    byte[] name = file.asSlice(from, at - 1 - from).toArray(ValueLayout.JAVA_BYTE);
    return new String(name, StandardCharsets.UTF_8);
  }

  // ---- the stack

  private void push(Object value) throws IOException {
    if (++values > MAX_VALUES) {
      throw new IOException("its pickle has more than " + MAX_VALUES + " values");
    }
    stack.add(value);
  }

  private void mark() throws IOException {
    if (marks.size() >= MAX_VALUES) {
      throw new IOException("its pickle has more than " + MAX_VALUES + " marks");
    }
    marks.add(stack.size());
  }

  /** The height of the stack below which the marked part does not reach. */
  private int floor() {
    return marks.isEmpty() ? 0 : marks.getLast();
  }

  private Object pop() throws IOException {
    Object value = peek();
    stack.removeLast();
    return value;
  }

  private Object peek() throws IOException {
    if (stack.size() <= floor()) {
      throw damaged("it takes a value where there is none");
    }
    return stack.getLast();
  }

  private List<Object> popMarked() throws IOException {
    if (marks.isEmpty()) {
      throw damaged("it lacks a mark");
    }
    List<Object> above = stack.subList(marks.removeLast(), stack.size());
    List<Object> values = List.copyOf(above);
    above.clear();
    return values;
  }

  private Tuple tuple(int size) throws IOException {
    Object[] items = new Object[size];
    for (int i = size - 1; i >= 0; i--) {
      items[i] = pop();
    }
    return new Tuple(List.of(items));
  }

  private void append(List<Object> items) throws IOException {
    if (!(peek() instanceof Sequence list)) {
      throw damaged("it appends to what is no list");
    }
    list.items.addAll(items);
  }

  private void putAll(List<Object> keysAndValues) throws IOException {
    if (!(peek() instanceof Dictionary dictionary) || keysAndValues.size() % 2 != 0) {
      throw damaged("it sets items of what is no dictionary");
    }
    for (int i = 0; i < keysAndValues.size(); i += 2) {
      dictionary.items.put(keysAndValues.get(i), keysAndValues.get(i + 1));
    }
  }

  private void remember(int slot) throws IOException {
    if (memo.size() > MAX_VALUES) {
      throw new IOException("its pickle remembers more than " + MAX_VALUES + " values");
    }
    memo.put(slot, peek());
  }

  private Object recall(int slot) throws IOException {
    Object value = memo.get(slot);
    if (value == null) {
      throw damaged("it recalls a value that it never had");
    }
    return value;
  }

  /** Attributes of an object: a state dict's are versions, which names and shapes show as well. */
  private void build() throws IOException {
    pop();
    if (!(peek() instanceof Dictionary || peek() instanceof Other)) {
      throw damaged("it sets the state of what has none");
    }
  }

  private static List<Object> argumentsOf(Object value) throws IOException {
    if (value instanceof Tuple tuple) {
      return tuple.items;
    }
    throw damaged("it lacks a tuple of arguments");
  }

  private static Name nameOf(Object value) throws IOException {
    if (value instanceof Name name) {
      return name;
    }
    throw damaged("it calls what has no name");
  }

  private static IOException damaged(String how) {
    return new IOException("its pickle is damaged: " + how);
  }
}
