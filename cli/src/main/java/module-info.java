/** The command line. */
module dev.cocoli.cli {
  requires com.fasterxml.jackson.databind;
  requires dev.cocoli;
  requires dev.cocoli.bindings;
  requires dev.cocoli.onnx;
  requires dev.cocoli.report;
  requires info.picocli;

  // sets the fields of commands
  opens dev.cocoli.cli to
      info.picocli;
  opens dev.cocoli.cli.options to
      info.picocli;
}
