/** The library: detectors, their parts, training and evaluation. */
module dev.cocoli {
  requires transitive com.fasterxml.jackson.core;
  requires transitive dev.cocoli.bindings;
  requires transitive java.desktop;
  requires com.fasterxml.jackson.databind;

  // has no descriptor, so that jlink could not link what requires it; trains R-CNN's machines
  requires static liblinear;

  exports dev.cocoli;
  exports dev.cocoli.backend;
  exports dev.cocoli.backend.primitives;
  exports dev.cocoli.backend.spec;
  exports dev.cocoli.data;
  exports dev.cocoli.data.augment;
  exports dev.cocoli.data.formats;
  exports dev.cocoli.data.image;
  exports dev.cocoli.data.proposals;
  exports dev.cocoli.data.synthetic;
  exports dev.cocoli.detection;
  exports dev.cocoli.detection.backbone;
  exports dev.cocoli.detection.classic;
  exports dev.cocoli.detection.config;
  exports dev.cocoli.detection.head;
  exports dev.cocoli.distributed;
  exports dev.cocoli.eval;
  exports dev.cocoli.files;
  exports dev.cocoli.nn;
  exports dev.cocoli.nn.weights;
  exports dev.cocoli.ops;
  exports dev.cocoli.structures;
  exports dev.cocoli.tensor;
  exports dev.cocoli.train;
  exports dev.cocoli.train.optim;
  exports dev.cocoli.train.parallel;

  uses dev.cocoli.backend.BackendProvider;
}
