package dev.cocoli.bundle.prove;

import dev.cocoli.bundle.selftest.Finding;
import dev.cocoli.bundle.selftest.Finding.Verdict;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * NCCL: what collectives owe, with as many ranks as there are cards; with several ranks on one card
 * where the library allows it; and the bandwidth of all-reduces over several cards. On the CPU the
 * ranks share memory.
 */
final class NcclStage implements Stage {
  private static final String CONTRACT = "dev.cocoli.backend.CommunicatorContractTest";
  private static final String TRAINING = "dev.cocoli.train.parallel.GpuReplicasTest";
  private static final String SHARED = "NCCL_MULTI_RANK_GPU_ENABLE";

  /** From this version on, 2.30, several ranks may share a card. */
  private static final int SHARING_MINOR = 30;

  /** As many ranks as the tests have at most. */
  private static final int MOST_RANKS = 4;

  private static final int CPU_RANKS = 2;
  private static final int SECONDS = 60;

  @Override
  public void run(Request request, StageReport report) throws IOException, InterruptedException {
    Machine machine = Machine.examine(request, report);
    report.add(machine.finding());
    if (machine.finding().verdict() == Verdict.FAILED) {
      return;
    }
    if (request.isGpu() && machine.ncclProblem().isPresent()) {
      report.add(new Finding("NCCL", Verdict.FAILED, machine.ncclProblem().get(), 0));
      return;
    }
    Launch nccl = request.isGpu() ? Launch.PLAIN.with("cocoli.test.nccl=true") : Launch.PLAIN;
    String ranks = request.isGpu() ? plural(machine.gpus()) : "shared memory";
    new CheckRun(nccl, report).run(tests(ranks, request));
    if (request.isGpu()) {
      sharedCard(nccl.in(Map.of(SHARED, "1")), machine, request, report);
    }
    bandwidth(request.isGpu() ? machine.gpus() : CPU_RANKS, request, report);
  }

  private static String plural(int gpus) {
    return gpus == 1 ? "one rank" : gpus + " ranks";
  }

  private static List<Check> tests(String group, Request request) {
    List<Check> checks = new ArrayList<>();
    checks.add(RightStage.tests(group, request.device().toString(), CONTRACT));
    if (request.isGpu()) {
      checks.add(RightStage.tests(group, request.device().toString(), TRAINING));
    }
    return checks.stream().filter(check -> request.wants(check.name())).toList();
  }

  private static void sharedCard(
      Launch launch, Machine machine, Request request, StageReport report)
      throws InterruptedException {
    String group = "ranks on one card";
    List<Check> checks = tests(group, request);
    if (machine.gpus() >= MOST_RANKS || checks.isEmpty()) {
      return;
    }
    String version = machine.ncclVersion();
    if (version.startsWith("2.") && Integer.parseInt(version.split("\\.")[1]) < SHARING_MINOR) {
      String why = "NCCL " + version + " refuses them; it allows them from 2.30 on";
      report.add(new Finding(group, Verdict.NOTED, why, 0));
      return;
    }
    new CheckRun(launch, report).run(checks);
  }

  private static void bandwidth(int ranks, Request request, StageReport report)
      throws InterruptedException {
    if (ranks < 2) {
      report.add(new Finding("all-reduce", Verdict.NOTED, "one card has no bus to others", 0));
      return;
    }
    List<Check> checks = new ArrayList<>();
    for (int mebibytes : new int[] {1, 25, 256}) {
      checks.add(
          new Check(
              "all-reduce of %d MiB, %d ranks".formatted(mebibytes, ranks),
              List.of(
                  "reduce",
                  request.isGpu() ? "cuda" : "cpu",
                  Integer.toString(ranks),
                  Integer.toString(mebibytes)),
              SECONDS));
    }
    new CheckRun(Launch.PLAIN, report)
        .run(checks.stream().filter(check -> request.wants(check.name())).toList());
  }
}
