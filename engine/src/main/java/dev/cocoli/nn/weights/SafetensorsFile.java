package dev.cocoli.nn.weights;

import dev.cocoli.nn.Safetensors;
import java.io.IOException;
import java.util.Map;

/** A safetensors file. */
final class SafetensorsFile extends TensorFile {
  private final Safetensors file;

  SafetensorsFile(Safetensors file) {
    this.file = file;
  }

  @Override
  public Map<String, Safetensors.Entry> entries() {
    return file.entries();
  }

  @Override
  public Map<String, String> metadata() {
    return file.metadata();
  }

  @Override
  public void requireIntact() throws IOException {
    file.requireIntact();
  }

  @Override
  public void requireWhole() throws IOException {
    file.requireWhole();
  }

  @Override
  public void close() {
    file.close();
  }
}
