/**
 * What Java restricts, in one place: foreign functions, memory at an address, and native libraries.
 * An application allows native access to this module alone.
 */
package dev.cocoli.bindings.access;
