package dev.cocoli.tensor;

/**
 * A processor that owns memory and runs primitives: the host's CPU, one GPU, or what a program
 * adds.
 *
 * @param kind the kind of device
 * @param index its number among the devices of its kind, from 0
 */
public record Device(Kind kind, int index) {

  /**
   * A kind of device.
   *
   * @param name its name in lower case, by which options and messages know it
   */
  public record Kind(String name) {
    /** The host's processor and memory. */
    public static final Kind CPU = new Kind("cpu");

    /** An NVIDIA GPU. */
    public static final Kind CUDA = new Kind("cuda");

    /** Checks the name. */
    public Kind {
      if (!name.matches("[a-z][a-z0-9_-]*")) {
        throw new IllegalArgumentException("a kind of device has a name, not '" + name + "'");
      }
    }

    @Override
    public String toString() {
      return name;
    }
  }

  /** The host. */
  public static final Device CPU = new Device(Kind.CPU, 0);

  /** Checks the index. */
  public Device {
    if (index < 0) {
      throw new IllegalArgumentException("a device's index is 0 or more, not " + index);
    }
  }

  @Override
  public String toString() {
    return kind.equals(Kind.CPU) ? kind.name : kind.name + ":" + index;
  }
}
