package dev.cocoli.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import dev.cocoli.bindings.DoctorReport;
import dev.cocoli.bindings.DoctorReport.CudaDevice;
import dev.cocoli.bindings.LibraryReport;
import dev.cocoli.bindings.SearchedPlace;
import dev.cocoli.files.OutputFile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** Writes a {@link DoctorReport} as JSON for programs. */
final class DoctorJson {
  private DoctorJson() {}

  static void write(DoctorReport report, Path file) throws IOException {
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    try (JsonGenerator json = new JsonFactory().createGenerator(text).useDefaultPrettyPrinter()) {
      json.writeStartObject();
      json.writeStringField("java", Runtime.version().toString());
      json.writeStringField("java_home", System.getProperty("java.home"));
      json.writeStringField("os", System.getProperty("os.name"));
      json.writeStringField("arch", System.getProperty("os.arch"));
      json.writeObjectFieldStart("cpu");
      json.writeNumberField("processors", report.cpu().processorCount());
      optional(json, "instruction_set", report.cpu().instructionSet());
      json.writeEndObject();
      write(json, report.cuda(), report.mixture());
      json.writeArrayFieldStart("libraries");
      for (LibraryReport library : report.libraries()) {
        write(json, library);
      }
      json.writeEndArray();
      json.writeArrayFieldStart("places");
      for (SearchedPlace place : report.places()) {
        json.writeStartObject();
        json.writeStringField("directory", place.directory().toString());
        json.writeStringField("source", place.source());
        json.writeBooleanField("exists", Files.exists(place.directory()));
        json.writeEndObject();
      }
      json.writeEndArray();
      json.writeEndObject();
      json.writeRaw('\n');
    }
    OutputFile.write(file, text.toByteArray());
  }

  private static void write(JsonGenerator json, DoctorReport.Cuda cuda, Optional<String> mixture)
      throws IOException {
    json.writeObjectFieldStart("cuda");
    optional(json, "driver", cuda.driverVersion());
    optional(json, "runtime", cuda.runtimeVersion());
    optional(json, "problem", cuda.problem());
    optional(json, "mixture", mixture);
    json.writeArrayFieldStart("devices");
    for (CudaDevice device : cuda.devices()) {
      json.writeStartObject();
      json.writeNumberField("index", device.index());
      json.writeStringField("name", device.name());
      json.writeStringField("pci_bus_id", device.pciBusId());
      json.writeStringField(
          "compute_capability",
          device.computeCapabilityMajor() + "." + device.computeCapabilityMinor());
      json.writeNumberField("multiprocessors", device.multiprocessorCount());
      json.writeNumberField("memory_bytes", device.memoryByteSize());
      json.writeEndObject();
    }
    json.writeEndArray();
    json.writeEndObject();
  }

  private static void write(JsonGenerator json, LibraryReport library) throws IOException {
    json.writeStartObject();
    json.writeStringField("name", library.name());
    json.writeBooleanField("usable", library.problem().isEmpty());
    optional(json, "version", library.version());
    optional(json, "file", library.file().map(Path::toString));
    optional(json, "place", library.place().map(place -> place.directory().toString()));
    optional(json, "source", library.place().map(SearchedPlace::source));
    optional(json, "problem", library.problem());
    json.writeStringField("remedy", library.remedy());
    json.writeArrayFieldStart("tried");
    for (Path tried : library.tried()) {
      json.writeString(tried.toString());
    }
    json.writeEndArray();
    json.writeEndObject();
  }

  private static void optional(JsonGenerator json, String name, Optional<String> value)
      throws IOException {
    if (value.isPresent()) {
      json.writeStringField(name, value.get());
    } else {
      json.writeNullField(name);
    }
  }
}
