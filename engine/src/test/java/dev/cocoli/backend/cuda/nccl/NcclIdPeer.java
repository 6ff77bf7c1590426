package dev.cocoli.backend.cuda.nccl;

import dev.cocoli.distributed.RankEnvironment;
import dev.cocoli.distributed.Rendezvous;
import java.time.Duration;
import java.util.HexFormat;

/** A rank as a program of its own: gets NCCL's id from rank 0, and prints it. */
final class NcclIdPeer {
  private NcclIdPeer() {}

  /** Runs with the variables of a launcher. */
  public static void main(String[] arguments) {
    RankEnvironment ranks = RankEnvironment.ofProcess().orElseThrow();
    byte[] digest = {(byte) ranks.size()};
    byte[] id =
        Rendezvous.exchange(
            ranks, digest, NcclId::create, Duration.ofSeconds(60), System.err::println);
    System.out.println(ranks.rank() + " " + HexFormat.of().formatHex(id));
  }
}
