/** Writes detectors as ONNX models; docs/onnx.md describes their inputs and outputs. */
package dev.cocoli.onnx;
