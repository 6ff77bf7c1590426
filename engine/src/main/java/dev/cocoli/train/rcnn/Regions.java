package dev.cocoli.train.rcnn;

import dev.cocoli.data.proposals.CheckedProposals;
import dev.cocoli.data.proposals.ProposalSource;
import dev.cocoli.data.proposals.SelectiveSearch;
import dev.cocoli.data.proposals.SelectiveSearchConfig;
import dev.cocoli.detection.ModelSpec;
import java.util.List;
import java.util.Optional;

/** Where a model's regions come from. */
public final class Regions {
  private Regions() {}

  /**
   * The given source, checked; selective search without one; nothing for a model that finds its
   * regions itself.
   */
  public static ProposalSource of(ModelSpec model, Optional<ProposalSource> given) {
    if (!model.needsProposals()) {
      return (annotated, image) -> List.of();
    }
    ProposalSource source =
        given.orElseGet(() -> new SelectiveSearch(SelectiveSearchConfig.fast()));
    return new CheckedProposals(source);
  }
}
