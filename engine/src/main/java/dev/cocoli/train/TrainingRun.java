package dev.cocoli.train;

import dev.cocoli.data.Dataset;
import dev.cocoli.data.proposals.ProposalSource;
import dev.cocoli.detection.ModelSpec;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What to train, on what, how, and where to put it.
 *
 * @param model the model; its classes are those of the data
 * @param trainData images to train on
 * @param validationData images to score on
 * @param weights what to start from, a detector or a classifier with the same backbone; without,
 *     the weights are drawn
 * @param proposals where the regions come from for a detector that does not find them itself;
 *     without one, selective search finds them once, and they are kept in the run folder
 * @param validationProposals the same for the images that are scored on
 * @param dataOrigin where the data came from, for the record: any words, such as a folder and a
 *     split
 * @param options the options of a program that started the run, for the record: its words, by which
 *     the program can resume the run
 * @param config how to train
 * @param out the run folder
 */
public record TrainingRun(
    ModelSpec model,
    Dataset trainData,
    Optional<Dataset> validationData,
    Optional<StartingWeights> weights,
    Optional<ProposalSource> proposals,
    Optional<ProposalSource> validationProposals,
    Map<String, String> dataOrigin,
    List<String> options,
    TrainConfig config,
    Path out) {

  /** Copies the map and the list. */
  public TrainingRun {
    options = List.copyOf(options);
    dataOrigin = Collections.unmodifiableMap(new LinkedHashMap<>(dataOrigin));
  }

  /**
   * {@return a run without validation, from drawn weights}
   *
   * @param model the model
   * @param trainData images to train on
   * @param config how to train
   * @param out the run folder
   */
  public static TrainingRun of(ModelSpec model, Dataset trainData, TrainConfig config, Path out) {
    return new TrainingRun(
        model,
        trainData,
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Map.of(),
        List.of(),
        config,
        out);
  }

  /**
   * {@return this run with an evaluation of every epoch}
   *
   * @param data images to score on
   */
  public TrainingRun withValidation(Dataset data) {
    return with(
        Optional.of(data), weights, proposals, validationProposals, dataOrigin, options, config);
  }

  /**
   * {@return this run from given weights}
   *
   * @param file of a detector or of a classifier; a detector may have other classes
   */
  public TrainingRun withWeights(Path file) {
    return withWeights(new StartingWeights(file, Optional.empty()));
  }

  /**
   * {@return this run from given weights}
   *
   * @param start the weights
   */
  public TrainingRun withWeights(StartingWeights start) {
    return with(
        validationData,
        Optional.of(start),
        proposals,
        validationProposals,
        dataOrigin,
        options,
        config);
  }

  /**
   * {@return this run with given regions}
   *
   * @param source gives the regions of each training image; a file is checked before the first step
   */
  public TrainingRun withProposals(ProposalSource source) {
    return with(
        validationData,
        weights,
        Optional.of(source),
        validationProposals,
        dataOrigin,
        options,
        config);
  }

  /**
   * {@return this run with given regions to score on}
   *
   * @param source gives the regions of each validation image
   */
  public TrainingRun withValidationProposals(ProposalSource source) {
    return with(
        validationData, weights, proposals, Optional.of(source), dataOrigin, options, config);
  }

  /**
   * {@return this run with a note of where its data came from}
   *
   * @param origin any words
   */
  public TrainingRun withDataOrigin(Map<String, String> origin) {
    return with(validationData, weights, proposals, validationProposals, origin, options, config);
  }

  /**
   * {@return this run with a note of the options that started it}
   *
   * @param words the options, one word each
   */
  public TrainingRun withOptions(List<String> words) {
    return with(validationData, weights, proposals, validationProposals, dataOrigin, words, config);
  }

  /**
   * {@return this run with other settings}
   *
   * @param other how to train
   */
  public TrainingRun withConfig(TrainConfig other) {
    return with(
        validationData, weights, proposals, validationProposals, dataOrigin, options, other);
  }

  private TrainingRun with(
      Optional<Dataset> validation,
      Optional<StartingWeights> from,
      Optional<ProposalSource> regions,
      Optional<ProposalSource> validationRegions,
      Map<String, String> origin,
      List<String> words,
      TrainConfig how) {
    return new TrainingRun(
        model, trainData, validation, from, regions, validationRegions, origin, words, how, out);
  }
}
