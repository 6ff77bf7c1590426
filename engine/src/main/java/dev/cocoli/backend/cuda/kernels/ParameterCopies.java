package dev.cocoli.backend.cuda.kernels;

import dev.cocoli.backend.cuda.kernels.ElementwiseKernels.ScaledRows;
import dev.cocoli.tensor.Tensor;
import java.util.List;

/** Copies of parameters that an update may write in the same pass. */
public interface ParameterCopies {
  /** No copies. */
  ParameterCopies NONE =
      new ParameterCopies() {
        @Override
        public List<ScaledRows> wantedOf(Tensor parameters) {
          return List.of();
        }

        @Override
        public void written(List<ScaledRows> copies) {}
      };

  /** Returns copies of weights that lie in these parameters; those that are likely to be read. */
  List<ScaledRows> wantedOf(Tensor parameters);

  /** Says that some of them were written, from the parameters as they are now. */
  void written(List<ScaledRows> copies);
}
