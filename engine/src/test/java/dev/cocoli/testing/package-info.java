/**
 * Code shared by the tests of several packages: references that other systems computed, backends to
 * run on, tensors made from arrays.
 */
package dev.cocoli.testing;
