/**
 * What tests of several packages share: references that other systems computed, backends to run
 * against, tensors from arrays.
 */
package dev.cocoli.testing;
