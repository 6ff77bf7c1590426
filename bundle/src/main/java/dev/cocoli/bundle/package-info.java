/** The self-test of a device, and the archive that contains it. Neither is part of the product. */
package dev.cocoli.bundle;
