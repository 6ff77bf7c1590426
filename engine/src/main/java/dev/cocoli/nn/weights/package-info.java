/**
 * Weights files of other programs: recognises a file by its content, and reads the arrays of those
 * that have any. Nothing that a file names is ever called.
 */
package dev.cocoli.nn.weights;
