/**
 * Finds and loads the native libraries, and turns their error codes into exceptions. The calls
 * themselves are in the generated packages below this one, one a library.
 */
package dev.cocoli.bindings;
