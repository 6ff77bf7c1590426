/** The self-test of a device: the contract, whole steps, times. */
package dev.cocoli.bundle.selftest;
