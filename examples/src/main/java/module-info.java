/** Programs of a user of the library: each shows one thing that can be used or replaced. */
module dev.cocoli.examples {
  requires dev.cocoli;
  requires dev.cocoli.report;
}
