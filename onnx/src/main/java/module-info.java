/** Writes detectors as ONNX models. */
module dev.cocoli.onnx {
  requires transitive dev.cocoli;
  requires com.google.protobuf;
  requires org.tribuo.util.onnx;

  exports dev.cocoli.onnx;
}
