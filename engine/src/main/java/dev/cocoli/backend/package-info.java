/**
 * What a device must be able to do: the primitives, their specifications, and the memory that they
 * work in. Two implementations stand below, one for each kind of device.
 */
package dev.cocoli.backend;
