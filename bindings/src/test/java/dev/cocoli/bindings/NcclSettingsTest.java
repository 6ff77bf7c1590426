package dev.cocoli.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.cocoli.bindings.access.ProcessEnvironment;
import java.util.Map;
import org.junit.jupiter.api.Test;

class NcclSettingsTest {
  @Test
  void theyStayAndCannotChange() {
    Map<String, String> variables = Map.of("NCCL_COCOLI_TEST", "1");
    NcclSettings.apply(variables);
    assertEquals("1", ProcessEnvironment.get("NCCL_COCOLI_TEST"));
    NcclSettings.apply(variables);
    assertThrows(
        IllegalStateException.class, () -> NcclSettings.apply(Map.of("NCCL_COCOLI_TEST", "2")));
    assertEquals("1", ProcessEnvironment.get("NCCL_COCOLI_TEST"));
  }
}
