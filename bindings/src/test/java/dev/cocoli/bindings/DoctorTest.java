package dev.cocoli.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class DoctorTest {
  @Test
  void tellsWhatIsThereAndHowToGetWhatIsNot() {
    DoctorReport report = Doctor.examine();
    assertEquals(1 + NvidiaLibrary.values().length, report.libraries().size());
    LibraryReport oneDnn = report.libraries().getFirst();
    assertTrue(oneDnn.version().orElseThrow().startsWith("3."), oneDnn.toString());
    for (LibraryReport library : report.libraries()) {
      assertTrue(library.file().isPresent() || library.problem().isPresent(), library.toString());
      assertFalse(library.tried().isEmpty(), library.toString());
      assertFalse(library.remedy().isBlank(), library.toString());
    }
    assertTrue(report.cpu().instructionSet().isPresent());
    assertTrue(report.cpu().processorCount() > 0);
    assertEquals(
        report.cuda().devices().isEmpty(),
        report.cuda().problem().isPresent(),
        report.cuda().toString());
  }
}
