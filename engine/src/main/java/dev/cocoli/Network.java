package dev.cocoli;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.Backends;
import dev.cocoli.backend.Closing;
import dev.cocoli.backend.TensorScope;
import dev.cocoli.data.image.Image;
import dev.cocoli.detection.DetectionModel;
import dev.cocoli.detection.DetectionPart;
import dev.cocoli.detection.Inputs;
import dev.cocoli.detection.ModelSpec;
import dev.cocoli.nn.ParameterArena;
import dev.cocoli.ops.Ops;
import dev.cocoli.ops.Tape;
import dev.cocoli.structures.Detection;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Precision;
import dev.cocoli.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * A model with weights on a backend. In: images of any size; out: detections in their pixels. One
 * thread uses it.
 *
 * @param spec what the model is
 * @param model the model, with memory
 * @param backend what computes
 * @param precision what the activations are in
 * @param parameters the memory of the weights, closed with this; null if it belongs to another
 */
record Network(
    ModelSpec spec,
    DetectionModel model,
    Backend backend,
    Precision precision,
    ParameterArena parameters)
    implements AutoCloseable {

  /** The same model with the same weights, for the calling thread: closed before this. */
  Network beside(int threads) {
    return new Network(spec, model, Backends.openBeside(backend, threads), precision, null);
  }

  List<List<Detection>> detect(DetectionCall call) {
    try (TensorScope scope = new TensorScope(backend.pool())) {
      Ops ops = new Ops(backend, scope, Tape.NONE, precision);
      for (DetectionPart part : call.partsBefore()) {
        call.parts().enqueued(ops, part);
      }
      List<Tensor> uploaded = new ArrayList<>();
      for (Image image : call.images()) {
        Tensor tensor = ops.allocate(DType.U8, image.height(), image.width(), 3);
        image.withPixels(pixels -> backend.transfers().upload(pixels, tensor));
        uploaded.add(tensor);
      }
      return model.detect(ops, new Inputs(uploaded, call.regions()), call.parts());
    }
  }

  @Override
  public void close() {
    Closing.all(parameters, backend);
  }
}
