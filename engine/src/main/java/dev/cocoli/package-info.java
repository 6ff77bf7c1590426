/**
 * The entry point for programs that run a detector: {@link dev.cocoli.Detector}. Training starts at
 * {@code dev.cocoli.train}.
 */
package dev.cocoli;
