package dev.cocoli.fuzz;

import java.nio.file.Path;
import java.util.List;

/**
 * A reader of files that strangers may have written. It must return, or throw one of a few types of
 * exceptions with a message that names the file, whatever the bytes.
 *
 * @param name its name
 * @param seeds whole files of the format
 * @param mutation changes one place
 * @param foreseen the types of exceptions that a broken file may end in
 * @param read reads
 */
public record FuzzedReader(
    String name,
    List<byte[]> seeds,
    Mutation mutation,
    List<Class<? extends Throwable>> foreseen,
    Read read) {

  /** Reads a file. */
  @FunctionalInterface
  public interface Read {
    /**
     * Reads a file.
     *
     * @param bytes its content
     * @param file where the content may be written, if the reader wants a file; named in messages
     */
    void read(byte[] bytes, Path file) throws Exception;
  }

  @Override
  public String toString() {
    return name;
  }
}
