/**
 * Finds and loads the native libraries, and turns their error codes into exceptions. The functions
 * themselves are in the generated packages below this one, one package per library.
 */
package dev.cocoli.bindings;
