package dev.cocoli.cli;

import dev.cocoli.cli.options.DeviceOption;
import dev.cocoli.cli.options.OutputPaths;
import dev.cocoli.cli.options.ParallelOptions;
import dev.cocoli.cli.terminal.CommandException;
import dev.cocoli.cli.terminal.TrainingWords;
import dev.cocoli.cli.terminal.TypedCommand;
import dev.cocoli.data.Dataset;
import dev.cocoli.data.formats.VocDataset;
import dev.cocoli.data.synthetic.ShapeScenes;
import dev.cocoli.data.synthetic.ShapeScenesConfig;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.files.Folder;
import dev.cocoli.files.OutputFile;
import dev.cocoli.nn.Norm;
import dev.cocoli.tensor.Device;
import dev.cocoli.train.TrainConfig;
import dev.cocoli.train.TrainingRun;
import dev.cocoli.train.optim.StepSchedule;
import dev.cocoli.train.parallel.ParallelConfig;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Runs the whole workflow in one command on generated images: trains, evaluates and draws. */
@Command(
    name = "demo",
    description = {
      "Runs the whole workflow on generated images. It draws images of coloured shapes, trains a"
          + " detector on them, evaluates it on others and draws its detections. Takes a few"
          + " minutes on two cores."
    })
final class DemoCommand implements Callable<Integer> {
  /** The file that marks a folder as a demo's own, so that the next demo may empty it. */
  private static final String MARK = ".cocoli-demo";

  private static final int IMAGE_SIDE = 160;
  private static final int SEED = 7;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      defaultValue = "cocoli-demo",
      description =
          "The folder for data and results; one that a demo made is replaced. Default:"
              + " ${DEFAULT-VALUE}.")
  private Path out;

  @Mixin private DeviceOption device;

  @Option(names = "--quick", hidden = true, description = "A few steps only, to see that it works.")
  private boolean quick;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    long began = System.nanoTime();
    List<Device> where = device.chooseAll(out, Optional.empty());
    ParallelOptions.requireShareable(recipe(), where.size(), spec);
    prepareFolder();
    Path images = this.out.resolve("data");
    int trained = quick ? 8 : 600;
    int heldOut = quick ? 4 : 80;
    try {
      new ShapeScenes(ShapeScenesConfig.of(IMAGE_SIDE, IMAGE_SIDE, SEED))
          .writeVoc(images, trained, heldOut);
    } catch (IOException e) {
      throw OutputPaths.notWritten(images, e);
    }
    Dataset training = VocDataset.open(images, "train");
    Dataset validation = VocDataset.open(images, "val");
    out.printf("made %d images in %s%n", trained + heldOut, images);
    Path folder = this.out.resolve("run");
    TrainingRun run =
        TrainingRun.of(model(training.classNames()), training, recipe(), folder)
            .withValidation(validation);
    String again =
        "to begin anew: "
            + TypedCommand.name()
            + " demo"
            + (this.out.toString().equals("cocoli-demo")
                ? ""
                : " --out " + TypedCommand.quoted(this.out.toString()));
    TrainingSession session =
        new TrainingSession(
            run,
            where,
            Optional.empty(),
            ParallelConfig.DEFAULT,
            again,
            out,
            spec.commandLine().getErr());
    int code = session.run(false);
    if (code == 0) {
      out.printf(
          "done in %s; now on your own images: %s train --data VOC_FOLDER --model"
              + " fasterrcnn_resnet18_fpn --out my-run%n",
          TrainingWords.duration((System.nanoTime() - began) / 1e9), TypedCommand.name());
    }
    return code;
  }

  private static ModelSpec model(List<String> classes) {
    return ModelSpec.of("fasterrcnn_tiny_fpn", classes, Norm.Type.BATCH)
        .withConfig(
            c ->
                c.withTransform(t -> t.withSizes(IMAGE_SIDE, IMAGE_SIDE))
                    .withAnchors(a -> a.withSizes(List.of(16, 32, 64, 96, 128)))
                    .withBackbone(b -> b.withFpnOutChannels(64))
                    .withBoxHead(b -> b.withHeadSize(128))
                    .withSampling(s -> s.withBatchSizePerImage(64))
                    .withRpn(
                        r ->
                            r.withPreNmsTopNTrain(300)
                                .withPostNmsTopNTrain(150)
                                .withPreNmsTopNTest(200)
                                .withPostNmsTopNTest(100)));
  }

  private TrainConfig recipe() {
    return TrainConfig.DEFAULT
        .withEpochs(quick ? 1 : 8)
        .withBatch(quick ? 4 : 8)
        .withSeed(SEED)
        .withLearningRate(0.04)
        .withSchedule(new StepSchedule(OptionalInt.of(quick ? 1 : 50), List.of(0.7)));
  }

  /** Creates the folder; empties one that a demo created, and throws an exception for any other. */
  private void prepareFolder() throws IOException {
    Path mark = out.resolve(MARK);
    if (Files.isDirectory(out) && !isEmpty(out) && !Files.exists(mark)) {
      throw new CommandException(
          out + " is a folder that no demo made, and not empty: choose another with --out");
    }
    if (Files.exists(mark)) {
      for (String part : List.of("data", "run")) {
        Folder.delete(out.resolve(part));
      }
    }
    OutputPaths.createFolder(out);
    String text = "made by cocoli demo, which will replace data and run\n";
    OutputFile.write(mark, text.getBytes(StandardCharsets.UTF_8));
  }

  private static boolean isEmpty(Path folder) throws IOException {
    try (Stream<Path> inside = Files.list(folder)) {
      return inside.findAny().isEmpty();
    }
  }
}
