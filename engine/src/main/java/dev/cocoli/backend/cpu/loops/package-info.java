/** What the CPU backend computes with loops in Java, parallel over rows. */
package dev.cocoli.backend.cpu.loops;
