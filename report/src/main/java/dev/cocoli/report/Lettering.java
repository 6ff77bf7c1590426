package dev.cocoli.report;

import java.awt.Font;
import java.awt.font.FontRenderContext;
import java.util.Optional;
import java.util.function.Supplier;

/** The font of all drawn text, and one clear error if the machine has none. */
final class Lettering {

  private Lettering() {}

  /**
   * Returns a sans-serif font.
   *
   * @throws IllegalStateException if the machine cannot draw text
   */
  static Font font(int style, float size) {
    return checked(() -> new Font(Font.SANS_SERIF, style, Math.round(size)).deriveFont(size));
  }

  /** Returns why this machine cannot draw text; empty if it can. */
  static Optional<String> problem() {
    try {
      font(Font.PLAIN, 12);
      return Optional.empty();
    } catch (IllegalStateException e) {
      return Optional.of(e.getMessage());
    }
  }

  static Font checked(Supplier<Font> source) {
    try {
      Font font = source.get();
      font.getStringBounds("Ag", new FontRenderContext(null, true, true));
      return font;
    } catch (OutOfMemoryError e) {
      throw e;
    } catch (RuntimeException | Error e) {
      // a JDK without fontconfig or FreeType fails in several ways; one without any font throws a
      // plain Error
      throw new IllegalStateException(
          "cannot draw text: install fontconfig and a font (Debian: fontconfig fonts-dejavu-core)",
          e);
    }
  }
}
