package dev.cocoli.benchmarks.roofline;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;

class RooflineCommandTest {
  private static void fails(String line, String... arguments) {
    StringWriter said = new StringWriter();
    int code =
        RooflineCommand.run(new PrintWriter(said, true), new PrintWriter(said, true), arguments);
    assertEquals("roofline: " + line + " (see --help)", said.toString().strip());
    assertEquals(2, code);
  }

  @Test
  void wrongUsageIsOneLine() {
    fails("unknown GPU 'v100': they are a100, h100, h200, b200", "--gpu", "v100");
    fails("unknown task 'eval': they are train, detect", "--task", "eval");
    fails("unknown norm 'group': they are frozen, batch", "--norm", "group");
    fails("unknown precision 'fp16': it is fp32 or bf16", "--precision", "fp16");
    fails("a batch of 0 images; it has 1 or more", "--batch", "0");
    fails("no size of an image: '800'; it is HEIGHTxWIDTH, such as 800x1088", "--size", "800");
    fails("Unknown option: '--device'", "--device");
  }
}
