package dev.cocoli.onnx;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;

/**
 * A graph of ONNX operators under construction. Nodes are in the order of their creation, and equal
 * constants are stored once.
 */
final class Graph {
  private final int opset;
  private final GraphProto.Builder proto = GraphProto.newBuilder();
  private final Map<String, Integer> nodeCounts = new HashMap<>();
  private final Map<List<?>, Value> constants = new HashMap<>();
  private String part = "";

  /**
   * Starts an empty graph.
   *
   * @param name its name
   * @param opset the version of the operators
   */
  Graph(String name, int opset) {
    this.opset = opset;
    proto.setName(name);
  }

  int opset() {
    return opset;
  }

  GraphProto build() {
    return proto.build();
  }

  /** Names the nodes that follow after a part of the model, for viewers. */
  void part(String name) {
    part = name + "/";
  }

  // ---- inputs and outputs

  /**
   * Adds an input.
   *
   * @param name its name
   * @param extents a number, or the name of an extent that is not fixed, for each axis
   */
  Value input(String name, List<String> extents) {
    proto.addInput(tensor(name, TensorProto.DataType.FLOAT, extents));
    return new Value(this, name);
  }

  /**
   * Makes a value an output.
   *
   * @param value the value
   * @param name the name of the output
   * @param type of its elements
   * @param extents a number, or the name of an extent that is not fixed, for each axis
   */
  void output(Value value, String name, TensorProto.DataType type, List<String> extents) {
    proto.addNode(
        NodeProto.newBuilder()
            .setOpType("Identity")
            .setName(name)
            .addInput(value.name())
            .addOutput(name));
    proto.addOutput(tensor(name, type, extents));
  }

  private static ValueInfoProto tensor(
      String name, TensorProto.DataType type, List<String> extents) {
    TensorShapeProto.Builder shape = TensorShapeProto.newBuilder();
    for (String extent : extents) {
      if (Character.isDigit(extent.charAt(0))) {
        shape.addDimBuilder().setDimValue(Long.parseLong(extent));
      } else {
        shape.addDimBuilder().setDimParam(extent);
      }
    }
    TypeProto.Tensor.Builder tensor =
        TypeProto.Tensor.newBuilder().setElemType(type.getNumber()).setShape(shape);
    return ValueInfoProto.newBuilder()
        .setName(name)
        .setType(TypeProto.newBuilder().setTensorType(tensor))
        .build();
  }

  // ---- constants

  /** A vector of numbers. */
  Value floats(float... values) {
    return floats(new long[] {values.length}, values);
  }

  /**
   * Numbers of any shape.
   *
   * @param shape the extents
   * @param values row by row
   */
  Value floats(long[] shape, float... values) {
    ByteBuffer bytes = buffer(4L * values.length);
    bytes.asFloatBuffer().put(values);
    return constant(TensorProto.DataType.FLOAT, shape, bytes);
  }

  /** A number without axes. */
  Value scalar(float value) {
    return floats(new long[0], value);
  }

  /** A whole number without axes. */
  Value scalar(long value) {
    return constant(TensorProto.DataType.INT64, new long[0], buffer(8).putLong(0, value));
  }

  /** A vector of whole numbers. */
  Value longs(long... values) {
    ByteBuffer bytes = buffer(8L * values.length);
    bytes.asLongBuffer().put(values);
    return constant(TensorProto.DataType.INT64, new long[] {values.length}, bytes);
  }

  /** A number in double precision, as a vector of one. */
  Value inDouble(double value) {
    return constant(TensorProto.DataType.DOUBLE, new long[] {1}, buffer(8).putDouble(0, value));
  }

  private Value constant(TensorProto.DataType type, long[] shape, ByteBuffer bytes) {
    return constants.computeIfAbsent(
        List.of(type, ByteBuffer.wrap(bytes.array()), LongStream.of(shape).boxed().toList()),
        key -> array("constant_" + constants.size(), type, shape, ByteString.copyFrom(bytes)));
  }

  /**
   * Stores an array of single precision.
   *
   * @param name its name
   * @param shape its extents
   * @param bytes its elements in little-endian order; read when the model is written
   */
  Value weight(String name, long[] shape, ByteBuffer bytes) {
    return array(name, TensorProto.DataType.FLOAT, shape, UnsafeByteOperations.unsafeWrap(bytes));
  }

  private Value array(String name, TensorProto.DataType type, long[] shape, ByteString bytes) {
    TensorProto.Builder array =
        TensorProto.newBuilder().setName(name).setDataType(type.getNumber()).setRawData(bytes);
    Arrays.stream(shape).forEach(array::addDims);
    proto.addInitializer(array);
    return new Value(this, name);
  }

  /** A tensor of a computed shape that is filled with one number. */
  Value filled(Value shape, float value) {
    TensorProto.Builder number =
        TensorProto.newBuilder().setDataType(TensorProto.DataType.FLOAT.getNumber()).addDims(1);
    return node(
        "ConstantOfShape", List.of(shape), attribute("value", number.addFloatData(value).build()));
  }

  /** A tensor of a computed shape that is filled with one whole number. */
  Value filled(Value shape, long value) {
    TensorProto.Builder number =
        TensorProto.newBuilder().setDataType(TensorProto.DataType.INT64.getNumber()).addDims(1);
    return node(
        "ConstantOfShape", List.of(shape), attribute("value", number.addInt64Data(value).build()));
  }

  static ByteBuffer buffer(long bytes) {
    return ByteBuffer.allocate(Math.toIntExact(bytes)).order(ByteOrder.LITTLE_ENDIAN);
  }

  // ---- nodes

  /**
   * Adds a node of one output.
   *
   * @param operator its type
   * @param inputs the inputs; null for one that is left out
   * @param attributes the attributes
   */
  Value node(String operator, List<Value> inputs, AttributeProto... attributes) {
    return nodes(operator, 1, inputs, attributes).getFirst();
  }

  /**
   * Adds a node.
   *
   * @param operator its type
   * @param outputs how many outputs it has
   * @param inputs the inputs; null for one that is left out
   * @param attributes the attributes
   */
  List<Value> nodes(
      String operator, int outputs, List<Value> inputs, AttributeProto... attributes) {
    String kind = part + operator;
    String name = kind + "_" + nodeCounts.merge(kind, 1, Integer::sum);
    NodeProto.Builder node = NodeProto.newBuilder().setOpType(operator).setName(name);
    inputs.forEach(input -> node.addInput(input == null ? "" : input.name()));
    List<Value> results = new ArrayList<>();
    for (int i = 0; i < outputs; i++) {
      Value result = new Value(this, outputs == 1 ? name : name + "." + i);
      node.addOutput(result.name());
      results.add(result);
    }
    node.addAllAttribute(Arrays.asList(attributes));
    proto.addNode(node);
    return results;
  }

  /** Joins values along an axis. */
  Value concat(long axis, List<Value> values) {
    return values.size() == 1 ? values.getFirst() : node("Concat", values, attribute("axis", axis));
  }

  /** The shape whose extents are these vectors of one whole number. */
  Value shape(Value... extents) {
    return concat(0, List.of(extents));
  }

  /** The whole numbers from 0 to below a vector of one. */
  Value range(Value count) {
    return node("Range", List.of(scalar(0), count.reshape(), scalar(1)));
  }

  // ---- attributes

  static AttributeProto attribute(String name, long value) {
    return AttributeProto.newBuilder()
        .setName(name)
        .setType(AttributeProto.AttributeType.INT)
        .setI(value)
        .build();
  }

  static AttributeProto attribute(String name, float value) {
    return AttributeProto.newBuilder()
        .setName(name)
        .setType(AttributeProto.AttributeType.FLOAT)
        .setF(value)
        .build();
  }

  static AttributeProto attribute(String name, String value) {
    return AttributeProto.newBuilder()
        .setName(name)
        .setType(AttributeProto.AttributeType.STRING)
        .setS(ByteString.copyFromUtf8(value))
        .build();
  }

  static AttributeProto attribute(String name, long... values) {
    AttributeProto.Builder attribute =
        AttributeProto.newBuilder().setName(name).setType(AttributeProto.AttributeType.INTS);
    Arrays.stream(values).forEach(attribute::addInts);
    return attribute.build();
  }

  private static AttributeProto attribute(String name, TensorProto value) {
    return AttributeProto.newBuilder()
        .setName(name)
        .setType(AttributeProto.AttributeType.TENSOR)
        .setT(value)
        .build();
  }
}
