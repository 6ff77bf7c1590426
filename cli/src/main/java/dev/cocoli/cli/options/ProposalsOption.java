package dev.cocoli.cli.options;

import dev.cocoli.data.Dataset;
import dev.cocoli.data.proposals.ProposalFile;
import dev.cocoli.data.proposals.ProposalSource;
import dev.cocoli.data.proposals.SelectiveSearch;
import dev.cocoli.data.proposals.SelectiveSearchConfig;
import dev.cocoli.detection.ModelSpec;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The option {@code --proposals}: the file with the regions for R-CNN and Fast R-CNN. */
public final class ProposalsOption implements AutoCloseable {
  @Option(
      names = "--proposals",
      paramLabel = "FILE",
      description =
          "R-CNN and Fast R-CNN: the regions that cocoli proposals wrote for these images."
              + " Default: selective search in its fast mode finds them.")
  private Path file;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  private ProposalFile opened;

  /** Whether the option was given. */
  public boolean isGiven() {
    return file != null;
  }

  /**
   * Opens the file.
   *
   * @param model the model that needs it
   * @return the file; empty if the option was not given
   */
  public Optional<ProposalSource> open(ModelSpec model) {
    if (file == null) {
      return Optional.empty();
    }
    if (!model.needsProposals()) {
      throw new ParameterException(
          spec.commandLine(), "--proposals: a " + model.model() + " finds its regions itself");
    }
    opened = ProposalFile.read(file);
    return Optional.of(opened);
  }

  /**
   * Opens the file and checks that it belongs to the images; without the option, computes the
   * regions by selective search.
   */
  public ProposalSource openFor(ModelSpec model, Dataset data) {
    Optional<ProposalSource> given = open(model);
    if (given.isPresent()) {
      opened.requireFor(data);
    }
    return given.orElseGet(() -> new SelectiveSearch(SelectiveSearchConfig.fast()));
  }

  @Override
  public void close() {
    if (opened != null) {
      opened.close();
    }
  }
}
