/**
 * The host's processor: oneDNN for what multiplies matrices, loops in Java, parallel over rows, for
 * the rest. The reference that the other backend is held against.
 */
package dev.cocoli.backend.cpu;
