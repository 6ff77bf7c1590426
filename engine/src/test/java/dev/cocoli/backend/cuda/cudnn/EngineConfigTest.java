package dev.cocoli.backend.cuda.cudnn;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The order of cuDNN's configurations, which needs no cuDNN. */
class EngineConfigTest {
  @Test
  void whatIsCompiledAtRunTimeComesLastAndTheRestKeepsItsOrder() {
    List<EngineConfig> ranked =
        List.of(config(7, true), config(3, false), config(9, true), config(1, false));
    assertEquals(
        List.of(3L, 1L, 7L, 9L),
        EngineConfig.compiledLast(ranked).stream().map(EngineConfig::engine).toList());
  }

  private static EngineConfig config(long engine, boolean isCompiledAtRunTime) {
    return new EngineConfig(null, engine, Set.of(), isCompiledAtRunTime);
  }
}
