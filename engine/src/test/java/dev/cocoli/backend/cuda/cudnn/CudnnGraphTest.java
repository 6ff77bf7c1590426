package dev.cocoli.backend.cuda.cudnn;

import static dev.cocoli.bindings.cudnn.Cudnn.*;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.backend.Closing;
import dev.cocoli.backend.cuda.CudaSettings;
import dev.cocoli.backend.cuda.cudnn.ConvolutionShape.Direction;
import dev.cocoli.backend.cuda.cudnn.ConvolutionShape.Tail;
import dev.cocoli.backend.spec.Activation;
import dev.cocoli.backend.spec.Conv2dSpec;
import dev.cocoli.bindings.NativeException;
import dev.cocoli.bindings.NvidiaLibraries;
import dev.cocoli.bindings.NvidiaLibrary;
import dev.cocoli.tensor.DType;
import dev.cocoli.tensor.Tensor;
import dev.cocoli.testing.Nvidia;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * cuDNN itself says what it thinks of our graphs: it takes a description of a GPU in the place of
 * one, and then checks graphs, ranks engines and builds plans as if it were there.
 */
class CudnnGraphTest {
  /** GPUs by what cuDNN writes down of them (CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION). */
  enum Gpu {
    A100(800, 108, 166_912, 40 << 20),
    H100(900, 132, 232_448, 50 << 20),
    B200(1000, 148, 232_448, 126 << 20);

    private final int version;
    private final int multiprocessors;
    private final int sharedBytes;
    private final int cacheBytes;

    Gpu(int version, int multiprocessors, int sharedBytes, int cacheBytes) {
      this.version = version;
      this.multiprocessors = multiprocessors;
      this.sharedBytes = sharedBytes;
      this.cacheBytes = cacheBytes;
    }

    private byte[] description() {
      return """
      {"cudaDeviceId": 0, "deviceVer": %d, "driverVer": 13000, "totalGlobalMem": 85029158912,
       "maxGridSize": [2147483647, 65535, 65535], "maxBlockSize": [1024, 1024, 64],
       "regsPerBlock": 65536, "multiProcessorCount": %d, "smCountOrigin": 0, "warpSize": 32,
       "maxSharedMemoryPerBlock": 49152, "maxSharedMemoryPerBlockOptin": %d,
       "reservedSharedMemoryPerBlock": 1024, "maxRegistersPerSM": 65536, "maxCtasPerSM": 32,
       "maxThreadsPerBlock": 1024, "maxThreadsPerSM": 2048, "pciDeviceId": 0, "isTccDriver": 0,
       "supportCoopLaunch": 1, "smClockRateKHz": 1755000, "memClockRateKHz": 2619000,
       "l2CacheSize": %d, "deviceName": "NVIDIA %s"}
      """
          .formatted(version, multiprocessors, sharedBytes, cacheBytes, name())
          .getBytes(StandardCharsets.UTF_8);
    }

    /** Describes the GPU; a release of cuDNN that writes down something else skips. */
    CudnnDescriptor describe() {
      CudnnDescriptor properties = null;
      try {
        properties = new CudnnDescriptor(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR());
        return properties
            .text(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION(), description())
            .finish("the description of " + this);
      } catch (NativeException e) {
        Closing.all(properties);
        Nvidia.skip("cuDNN does not take our description of a GPU: " + e.getMessage());
        throw e;
      }
    }
  }

  private record Layer(String name, Conv2dSpec spec, long height, long width, long in, long out) {}

  /** Those of ResNet-50-FPN that differ in kind, and some of odd extents. */
  private static final List<Layer> LAYERS =
      List.of(
          new Layer("stem", Conv2dSpec.of(7, 2, 3), 800, 1088, 3, 64),
          new Layer("1x1", Conv2dSpec.of(1, 1, 0), 200, 272, 64, 256),
          new Layer("3x3", Conv2dSpec.of(3, 1, 1), 200, 272, 64, 64),
          new Layer("3x3 of stride 2", Conv2dSpec.of(3, 2, 1), 200, 272, 128, 128),
          new Layer("1x1 of stride 2", Conv2dSpec.of(1, 2, 0), 200, 272, 256, 512),
          new Layer("the RPN's", Conv2dSpec.of(3, 1, 1), 13, 17, 256, 256),
          new Layer("the RPN's scores", Conv2dSpec.of(1, 1, 0), 100, 136, 256, 3),
          new Layer("odd", Conv2dSpec.of(3, 1, 1), 13, 17, 5, 7),
          new Layer("dilated", new Conv2dSpec(3, 1, 2, 2, Activation.NONE), 50, 68, 512, 512));

  private static final List<Tail> TAILS =
      List.of(
          Tail.NONE,
          new Tail(true, false, Activation.NONE),
          new Tail(true, false, Activation.RELU),
          new Tail(true, true, Activation.RELU),
          new Tail(true, true, Activation.NONE));

  private static final CudaSettings STRICT =
      new CudaSettings(false, false, false, 1L << 30, false, false, 20);
  private static final CudaSettings DETERMINISTIC =
      new CudaSettings(false, false, true, 1L << 30, false, false, 20);

  @BeforeEach
  void load() {
    Nvidia.require(NvidiaLibrary.CUDNN);
  }

  private static ConvolutionShape shape(
      Layer layer, Direction direction, DType type, Tail tail, long images, int alignment) {
    return new ConvolutionShape(
        direction,
        type,
        layer.spec.kernel(),
        layer.spec.stride(),
        layer.spec.padding(),
        layer.spec.dilation(),
        images,
        layer.height,
        layer.width,
        layer.in,
        layer.spec.outputExtent(layer.height),
        layer.spec.outputExtent(layer.width),
        layer.out,
        tail,
        alignment);
  }

  private static List<ConvolutionShape> shapes(DType type) {
    List<ConvolutionShape> shapes = new ArrayList<>();
    for (Layer layer : LAYERS) {
      for (Tail tail : TAILS) {
        shapes.add(shape(layer, Direction.FORWARD, type, tail, 1, 16));
      }
      shapes.add(shape(layer, Direction.FORWARD, type, TAILS.getLast(), 2, type.byteSize()));
      shapes.add(shape(layer, Direction.BACKWARD_DATA, type, Tail.NONE, 2, 16));
      shapes.add(shape(layer, Direction.BACKWARD_WEIGHT, type, Tail.NONE, 2, 16));
    }
    return shapes;
  }

  @ParameterizedTest
  @EnumSource
  void everyConvolutionHasAPlanOnEveryGpu(Gpu gpu) {
    int plans = 0;
    try (CudnnDescriptor properties = gpu.describe()) {
      CudnnTarget target = CudnnTarget.of(properties);
      for (DType type : List.of(DType.F32, DType.BF16)) {
        for (ConvolutionShape shape : shapes(type)) {
          try (ConvolutionGraph graph = new ConvolutionGraph(shape, target)) {
            for (CudaSettings settings : List.of(STRICT, DETERMINISTIC)) {
              List<ConvolutionPlan> built = ConvolutionPlans.build(graph, target, settings, 1);
              assertTrue(built.getFirst().workspaceBytes() <= settings.workspaceBytes());
              Closing.all(built);
              plans++;
            }
          }
        }
      }
    }
    String version = NvidiaLibraries.report(NvidiaLibrary.CUDNN).version().orElseThrow();
    System.out.println(
        "proved: cuDNN " + version + " builds " + plans + " plans for " + gpu + " without one");
  }

  @Test
  void fp32KeepsOffTensorCoresUnlessAllowed() {
    try (CudnnDescriptor properties = Gpu.H100.describe()) {
      CudnnTarget target = CudnnTarget.of(properties);
      ConvolutionShape shape =
          shape(LAYERS.get(2), Direction.FORWARD, DType.F32, TAILS.get(2), 1, 16);
      CudaSettings tf32 = new CudaSettings(false, true, false, 1L << 30, false, false, 20);
      try (ConvolutionGraph graph = new ConvolutionGraph(shape, target)) {
        List<EngineConfig> all = EngineConfig.list(graph, target, EngineConfig.Source.HEURISTICS);
        int tensorCore = CUDNN_NUMERICAL_NOTE_TENSOR_CORE();
        long withTensorCores =
            all.stream().filter(config -> config.notes().contains(tensorCore)).count();
        assertTrue(withTensorCores > 0 && withTensorCores < all.size(), "both kinds are there");
        for (EngineConfig config : all) {
          boolean uses = config.notes().contains(tensorCore);
          assertEquals(!uses, config.isAllowed(DType.F32, STRICT));
          assertTrue(config.isAllowed(DType.BF16, STRICT));
          assertTrue(config.isAllowed(DType.F32, tf32));
        }
        Closing.all(all);
      }
    }
  }

  @Test
  void chanceIsExcludedOnDemand() {
    try (CudnnDescriptor properties = Gpu.H100.describe()) {
      CudnnTarget target = CudnnTarget.of(properties);
      ConvolutionShape shape =
          shape(LAYERS.get(2), Direction.BACKWARD_WEIGHT, DType.F32, Tail.NONE, 1, 16);
      try (ConvolutionGraph graph = new ConvolutionGraph(shape, target)) {
        List<EngineConfig> all = EngineConfig.list(graph, target, EngineConfig.Source.HEURISTICS);
        List<EngineConfig> chance =
            all.stream()
                .filter(c -> c.notes().contains(CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC()))
                .toList();
        assertFalse(chance.isEmpty());
        for (EngineConfig config : chance) {
          assertTrue(config.isAllowed(DType.F32, STRICT));
          assertFalse(config.isAllowed(DType.F32, DETERMINISTIC));
        }
        Closing.all(all);
      }
    }
  }

  /** Timing eight settings of one engine would leave the others out. */
  @ParameterizedTest
  @EnumSource
  void theCandidatesAreOfSeveralEngines(Gpu gpu) {
    try (CudnnDescriptor properties = gpu.describe()) {
      CudnnTarget target = CudnnTarget.of(properties);
      ConvolutionShape shape =
          shape(LAYERS.get(2), Direction.FORWARD, DType.BF16, Tail.NONE, 1, 16);
      try (ConvolutionGraph graph = new ConvolutionGraph(shape, target)) {
        List<EngineConfig> all = EngineConfig.list(graph, target, EngineConfig.Source.HEURISTICS);
        List<Boolean> compiled = all.stream().map(EngineConfig::isCompiledAtRunTime).toList();
        assertEquals(compiled.stream().sorted().toList(), compiled);
        Closing.all(all);
        List<ConvolutionPlan> plans = ConvolutionPlans.build(graph, target, STRICT, 8);
        Map<Long, Long> perEngine =
            plans.stream()
                .collect(Collectors.groupingBy(p -> p.config().engine(), Collectors.counting()));
        perEngine.forEach((engine, count) -> assertTrue(count <= 3, perEngine.toString()));
        assertTrue(perEngine.size() > 1, perEngine.toString());
        Closing.all(plans);
      }
    }
  }

  @Test
  void aWorkspaceThatIsTooLargeIsNotTaken() {
    try (CudnnDescriptor properties = Gpu.H100.describe()) {
      CudnnTarget target = CudnnTarget.of(properties);
      CudaSettings none = new CudaSettings(false, false, false, 0, false, false, 20);
      ConvolutionShape shape =
          shape(LAYERS.get(2), Direction.FORWARD, DType.F32, TAILS.get(2), 1, 16);
      try (ConvolutionGraph graph = new ConvolutionGraph(shape, target)) {
        List<ConvolutionPlan> plans = ConvolutionPlans.build(graph, target, none, 4);
        plans.forEach(plan -> assertEquals(0, plan.workspaceBytes()));
        Closing.all(plans);
      }
    }
  }

  @Test
  void aTensorDescriptorKeepsWhatItIsGiven() {
    long[] dims = {2, 3, 5, 7};
    try (CudnnDescriptor tensor = new CudnnDescriptor(CUDNN_BACKEND_TENSOR_DESCRIPTOR())) {
      tensor
          .dataType(CUDNN_ATTR_TENSOR_DATA_TYPE(), DType.BF16)
          .longs(CUDNN_ATTR_TENSOR_DIMENSIONS(), dims)
          .longs(CUDNN_ATTR_TENSOR_STRIDES(), ConvolutionShape.channelsLast(dims))
          .longs(CUDNN_ATTR_TENSOR_UNIQUE_ID(), ConvolutionGraph.RESIDUAL)
          .longs(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT(), 4)
          .finish("a tensor");
      assertArrayEquals(dims, tensor.longsAttribute(CUDNN_ATTR_TENSOR_DIMENSIONS(), 8));
      assertArrayEquals(
          new long[] {105, 1, 21, 3}, tensor.longsAttribute(CUDNN_ATTR_TENSOR_STRIDES(), 8));
      assertEquals(ConvolutionGraph.RESIDUAL, tensor.longAttribute(CUDNN_ATTR_TENSOR_UNIQUE_ID()));
      assertArrayEquals(
          new int[] {CUDNN_DATA_BFLOAT16()},
          tensor.valuesAttribute(CUDNN_ATTR_TENSOR_DATA_TYPE(), CUDNN_TYPE_DATA_TYPE(), 1));
    }
  }

  /** cuDNN tells nothing of a pack, but refuses one whose parts do not fit together. */
  @Test
  void aVariantPackHasAnAddressForEachNumber() {
    MemorySegment shift = MemorySegment.ofAddress(0x5000);
    Operands operands =
        new Operands()
            .with(ConvolutionGraph.X, MemorySegment.ofAddress(0x1000))
            .with(ConvolutionGraph.WEIGHT, MemorySegment.ofAddress(0x2000))
            .with(ConvolutionGraph.Y, MemorySegment.ofAddress(0x3000))
            .with(ConvolutionGraph.RESIDUAL, (Tensor) null)
            .with(ConvolutionGraph.SHIFT, shift);
    assertArrayEquals(new long[] {1, 2, 3, 5}, operands.numbers());
    assertEquals(4, operands.memory().length);
    assertEquals(shift, operands.memory()[3]);
    ConvolutionPlan.pack(operands, MemorySegment.NULL).close();
  }

  @Test
  void whatCudnnRefusesIsNamed() {
    try (CudnnDescriptor tensor = new CudnnDescriptor(CUDNN_BACKEND_TENSOR_DESCRIPTOR())) {
      NativeException e =
          assertThrows(NativeException.class, () -> tensor.finish("a tensor of nothing"));
      assertTrue(e.getMessage().contains("a tensor of nothing"), e.getMessage());
      assertTrue(e.symbolicName().startsWith("CUDNN_STATUS_BAD_PARAM"), e.getMessage());
    }
  }

  @Test
  void aTailWithoutAShiftGetsOne() {
    assertEquals(Tail.NONE, Tail.of(null, null, Activation.NONE));
    assertEquals(new Tail(true, false, Activation.RELU), Tail.of(null, null, Activation.RELU));
    assertEquals(Set.of(Direction.values()).size(), 3);
  }
}
