package dev.cocoli.tensor;

/**
 * A processor that owns memory and runs primitives: the host's CPU or one GPU.
 *
 * @param kind the kind of device
 * @param index its number among the devices of its kind, from 0
 */
public record Device(Kind kind, int index) {

  /** The kinds of device. */
  public enum Kind {
    /** The host's processor and memory. */
    CPU,
    /** An NVIDIA GPU. */
    CUDA
  }

  /** The host. */
  public static final Device CPU = new Device(Kind.CPU, 0);

  /** Checks the index. */
  public Device {
    if (index < 0) {
      throw new IllegalArgumentException("a device's index is 0 or more, not " + index);
    }
  }

  /**
   * {@return the device with a name such as {@code cpu}, {@code cuda} or {@code cuda:1}}
   *
   * @param name the name
   * @throws IllegalArgumentException if no device has this name
   */
  public static Device parse(String name) {
    if (name.equals("cpu")) {
      return CPU;
    }
    if (name.equals("cuda")) {
      return new Device(Kind.CUDA, 0);
    }
    if (name.matches("cuda:\\d{1,4}")) {
      return new Device(Kind.CUDA, Integer.parseInt(name.substring(5)));
    }
    throw new IllegalArgumentException(
        "unknown device '" + name + "': it is cpu, cuda or cuda:INDEX");
  }

  @Override
  public String toString() {
    return kind == Kind.CPU ? "cpu" : "cuda:" + index;
  }
}
