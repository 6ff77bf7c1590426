package dev.cocoli.bindings.status;

import dev.cocoli.bindings.access.NativeAccess;
import java.lang.foreign.MemorySegment;

/** Reads the C strings that libraries return. */
public final class CStrings {
  private CStrings() {}

  /** The text at an address; empty for a null pointer. */
  public static String at(MemorySegment address) {
    return address.address() == 0 ? "" : NativeAccess.sized(address, Long.MAX_VALUE).getString(0);
  }
}
