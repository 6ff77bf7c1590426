/** Draws what detectors find, and how their training went. */
module dev.cocoli.report {
  requires transitive dev.cocoli;
  requires com.fasterxml.jackson.databind;
  requires xchart;

  exports dev.cocoli.report;
}
