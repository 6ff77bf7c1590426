package dev.cocoli.report;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class LetteringTest {
  /** What JDKs throw on machines without fontconfig, without FreeType, without fonts. */
  private static final List<Throwable> WITHOUT_FONTS =
      List.of(
          new NullPointerException("fontconfig"),
          new UnsatisfiedLinkError("libfreetype.so.6"),
          new InternalError("Fontconfig head is null"),
          new Error("Probable fatal error: No physical fonts found."));

  @Test
  void aMachineWithoutFontsIsToldWhatToInstall() {
    for (Throwable problem : WITHOUT_FONTS) {
      IllegalStateException e =
          assertThrows(
              IllegalStateException.class,
              () ->
                  Lettering.checked(
                      () -> {
                        if (problem instanceof Error error) {
                          throw error;
                        }
                        throw (RuntimeException) problem;
                      }));
      assertTrue(e.getMessage().contains("install fontconfig"), e.getMessage());
    }
  }
}
