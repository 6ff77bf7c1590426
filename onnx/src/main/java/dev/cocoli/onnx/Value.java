package dev.cocoli.onnx;

import ai.onnx.proto.OnnxMl.TensorProto;
import java.util.List;

/**
 * A tensor that a graph computes, with the operators that need no more than it and another. Each
 * call adds a node; operands are broadcast as in numpy. Indices and extents are INT64.
 *
 * @param graph the graph
 * @param name the name of the tensor
 */
record Value(Graph graph, String name) {

  // ---- arithmetic

  Value plus(Value other) {
    return with("Add", other);
  }

  Value plus(float number) {
    return plus(graph.floats(number));
  }

  Value plus(long number) {
    return plus(graph.longs(number));
  }

  Value minus(Value other) {
    return with("Sub", other);
  }

  Value times(Value other) {
    return with("Mul", other);
  }

  Value times(float number) {
    return times(graph.floats(number));
  }

  Value times(long number) {
    return times(graph.longs(number));
  }

  /** The quotient; of whole numbers that are not negative, rounded down. */
  Value over(Value other) {
    return with("Div", other);
  }

  Value over(long number) {
    return over(graph.longs(number));
  }

  /** The remainder of whole numbers. */
  Value modulo(Value other) {
    return with("Mod", other);
  }

  Value modulo(long number) {
    return modulo(graph.longs(number));
  }

  Value min(Value other) {
    return with("Min", other);
  }

  Value max(Value other) {
    return with("Max", other);
  }

  /** The logarithm to the base 2. */
  Value log2() {
    return apply("Log").over(graph.floats((float) Math.log(2)));
  }

  /** An operator of one input without attributes, such as {@code Relu}. */
  Value apply(String operator) {
    return graph.node(operator, List.of(this));
  }

  private Value with(String operator, Value other) {
    return graph.node(operator, List.of(this, other));
  }

  // ---- comparisons

  Value isAtLeast(float number) {
    return with("GreaterOrEqual", graph.floats(number));
  }

  Value isGreaterThan(Value other) {
    return with("Greater", other);
  }

  Value isGreaterThan(float number) {
    return isGreaterThan(graph.floats(number));
  }

  Value isEqualTo(Value other) {
    return with("Equal", other);
  }

  Value and(Value other) {
    return with("And", other);
  }

  /** Of this condition: one value where it holds, another number where it does not. */
  Value choose(Value then, float otherwise) {
    return graph.node("Where", List.of(this, then, graph.floats(otherwise)));
  }

  // ---- types and shapes

  Value toFloat() {
    return cast(TensorProto.DataType.FLOAT);
  }

  Value toDouble() {
    return cast(TensorProto.DataType.DOUBLE);
  }

  /** As whole numbers, rounded towards zero. */
  Value toLong() {
    return cast(TensorProto.DataType.INT64);
  }

  private Value cast(TensorProto.DataType type) {
    return graph.node("Cast", List.of(this), Graph.attribute("to", (long) type.getNumber()));
  }

  Value shape() {
    return apply("Shape");
  }

  /** An extent, as a vector of one. */
  Value dim(long axis) {
    return shape().gather(0, graph.longs(axis));
  }

  /** In a fixed shape, where 0 keeps the extent that is there and one extent may be -1. */
  Value reshape(long... shape) {
    return reshape(graph.longs(shape));
  }

  Value reshape(Value shape) {
    return with("Reshape", shape);
  }

  Value transpose(long... axes) {
    return graph.node("Transpose", List.of(this), Graph.attribute("perm", axes));
  }

  /** Repeated along axes of extent 1. */
  Value expand(Value shape) {
    return with("Expand", shape);
  }

  // ---- elements

  /** The elements from one index to below another along an axis. */
  Value slice(long axis, long from, long to) {
    return slice(axis, from, graph.longs(to));
  }

  Value slice(long axis, long from, Value to) {
    return graph.node("Slice", List.of(this, graph.longs(from), to, graph.longs(axis)));
  }

  /** The elements of these indices along an axis. */
  Value gather(long axis, Value indices) {
    return graph.node("Gather", List.of(this, indices), Graph.attribute("axis", axis));
  }

  /** One element of each row per index: {@code [N,A,...]} by {@code [N,B,...]}. */
  Value gatherElements(Value indices) {
    return graph.node("GatherElements", List.of(this, indices), Graph.attribute("axis", 1L));
  }

  /** The elements at coordinates {@code [S,axes]}. */
  Value gatherNd(Value coordinates) {
    return with("GatherND", coordinates);
  }

  /** The same with other elements at coordinates {@code [S,axes]}. */
  Value scatterNd(Value coordinates, Value elements) {
    return graph.node("ScatterND", List.of(this, coordinates, elements));
  }

  /** The greatest elements of each row {@code [N,A]}, the first of equal ones first. */
  Best best(Value count) {
    List<Value> outputs =
        graph.nodes(
            "TopK",
            2,
            List.of(this, count),
            Graph.attribute("axis", 1L),
            Graph.attribute("largest", 1L),
            Graph.attribute("sorted", 1L));
    return new Best(outputs.get(0), outputs.get(1));
  }

  /**
   * The greatest elements of rows.
   *
   * @param values {@code [N,k]}, falling
   * @param indices {@code [N,k]}
   */
  record Best(Value values, Value indices) {}

  /** The coordinates of what is not zero or false, {@code [axes,S]}. */
  Value nonZero() {
    return apply("NonZero");
  }
}
