package dev.cocoli.benchmarks;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.benchmarks.compare.BareConvolutions;
import dev.cocoli.bindings.onednn.Dnnl;
import dev.cocoli.nn.Parameter;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.openjdk.jmh.annotations.Param;

class ConvolutionLayerTest {
  private static final ImageSize SIZE = new ImageSize(800, 1088);

  @ParameterizedTest
  @ValueSource(strings = {"resnet18", "resnet50"})
  void theLayersAreThoseOfTheModel(String resNet) {
    Map<String, Parameter> parameters =
        SyntheticModel.spec("fasterrcnn_" + resNet + "_fpn", SIZE).build().namedParameters();
    List<ConvolutionLayer> layers = ConvolutionLayer.all(resNet, SIZE);
    for (ConvolutionLayer layer : layers) {
      long kernel = layer.spec().kernel();
      assertArrayEquals(
          new long[] {layer.out(), kernel, kernel, layer.in()},
          parameters.get(layer.name() + ".weight").shape().toArray(),
          layer.name());
    }
    assertEquals(
        parameters.entrySet().stream()
            .filter(one -> one.getValue().shape().rank() == 4)
            .map(one -> one.getKey().replaceFirst("\\.weight$", ""))
            .collect(Collectors.toSet()),
        layers.stream().map(ConvolutionLayer::name).collect(Collectors.toSet()));
  }

  @Test
  void distinctLayersAreAllLayers() {
    double all =
        ConvolutionLayer.all("resnet50", SIZE).stream()
            .mapToDouble(ConvolutionLayer::multiplications)
            .sum();
    List<ConvolutionLayer> distinct = ConvolutionLayer.distinct("resnet50", SIZE);
    assertEquals(
        all, distinct.stream().mapToDouble(ConvolutionLayer::multiplications).sum(), 1e-6 * all);
    assertEquals(distinct.size(), distinct.stream().map(ConvolutionLayer::name).distinct().count());
  }

  @Test
  void theBenchmarkNamesThem() throws NoSuchFieldException {
    Param param = ConvolutionBenchmark.class.getField("layer").getAnnotation(Param.class);
    assertEquals(
        ConvolutionLayer.distinct("resnet50", SIZE).stream()
            .map(ConvolutionLayer::name)
            .filter(name -> !name.contains("@"))
            .toList(),
        List.of(param.value()));
  }

  @Test
  void theMapsOfAnOddImageAreThoseOfThePaddedOne() {
    List<long[]> maps = new ImageSize(250, 330).maps(); // padded to 256 x 352
    assertArrayEquals(new long[] {64, 88}, maps.getFirst());
    assertArrayEquals(new long[] {8, 11}, maps.get(3));
    assertArrayEquals(new long[] {4, 6}, maps.get(4));
  }

  @Test
  void aSizeIsTwoNumbers() {
    assertEquals(SIZE, ImageSize.parse("800x1088"));
    assertThrows(IllegalArgumentException.class, () -> ImageSize.parse("0x5"));
  }

  @Test
  void theFloorIsMeasuredForEachDirection() {
    List<ConvolutionLayer> one =
        ConvolutionLayer.distinct("tiny", new ImageSize(64, 64)).subList(0, 2);
    try (BareConvolutions bare = new BareConvolutions(1, Dnnl.dnnl_f32(), 1)) {
      BareConvolutions.Seconds seconds = bare.measure(one);
      assertTrue(seconds.forward() > 0 && seconds.backwardWeight() > 0, seconds.toString());
      // the first layer has no gradient by its input
      assertTrue(seconds.backwardData() > 0, seconds.toString());
      assertEquals(0, bare.measure(one.subList(0, 1)).backwardData());
    }
  }
}
