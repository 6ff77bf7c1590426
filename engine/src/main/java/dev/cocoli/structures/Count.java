package dev.cocoli.structures;

import java.util.Locale;

/**
 * A number of things, as messages say it: {@code 1 image}, {@code 2,000 boxes}.
 *
 * @param number how many
 * @param noun what one of them is called
 */
public record Count(long number, String noun) {
  @Override
  public String toString() {
    String ending = number == 1 ? "" : noun.matches(".*(s|x)") ? "es" : "s";
    return String.format(Locale.ROOT, "%,d %s%s", number, noun, ending);
  }
}
