/** What is not part of the product: the self-test of a device, and the archive that carries it. */
package dev.cocoli.bundle;
