package dev.cocoli.report;

import java.awt.Font;
import java.awt.font.FontRenderContext;

/** The one typeface of all pictures, and a clear word where the machine has none. */
final class Lettering {

  private Lettering() {}

  /**
   * A sans-serif font.
   *
   * @throws IllegalStateException if the machine cannot draw text
   */
  static Font font(int style, float size) {
    try {
      Font font = new Font(Font.SANS_SERIF, style, Math.round(size)).deriveFont(size);
      font.getStringBounds("Ag", new FontRenderContext(null, true, true));
      return font;
    } catch (RuntimeException | LinkageError | InternalError e) {
      // a JDK without fontconfig, FreeType or any font fails in one of these three ways
      throw new IllegalStateException(
          "cannot draw text: install fontconfig and a font (Debian: fontconfig fonts-dejavu-core)",
          e);
    }
  }
}
