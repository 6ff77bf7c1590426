package dev.cocoli.data.formats;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Which image file each annotation gets. {@link NamedFiles} finds a file by less than its name,
 * such as the name without folders; where two names lead to one file that way, at least one of them
 * would get the pixels of another image.
 */
final class ImageClaims {

  private final Map<String, Claim> claims = new HashMap<>();
  private final Map<Path, Claim> best = new HashMap<>();

  private record Claim(String by, Path image, boolean byOwnName) {}

  /**
   * Adds a claim. A file goes to whoever has its own name, and otherwise to the only one that
   * claims it.
   *
   * @param by the annotation
   * @param image the file that was found for it
   * @param byOwnName whether it has the very name of the file
   */
  void add(String by, Path image, boolean byOwnName) {
    Claim claim = new Claim(by, image, byOwnName);
    claims.put(by, claim);
    best.merge(image, claim, ImageClaims::better);
  }

  private static Claim better(Claim former, Claim now) {
    if (former.byOwnName || former.by.equals(now.by)) {
      return former;
    }
    return now.byOwnName ? now : new Claim("", now.image, false); // none of the two
  }

  /** Returns the file that was found for an annotation. */
  Optional<Path> found(String by) {
    return Optional.ofNullable(claims.get(by)).map(Claim::image);
  }

  /** Returns the file that an annotation gets, once all have claimed. */
  Optional<Path> granted(String by) {
    return Optional.ofNullable(claims.get(by))
        .filter(claim -> claim.byOwnName || best.get(claim.image).by.equals(by))
        .map(Claim::image);
  }
}
