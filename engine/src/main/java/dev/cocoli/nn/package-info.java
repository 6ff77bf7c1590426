/**
 * Layers with parameters, under the names of torch's {@code state_dict}, and the files that hold
 * them.
 */
package dev.cocoli.nn;
