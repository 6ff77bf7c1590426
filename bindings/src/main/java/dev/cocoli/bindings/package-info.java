/**
 * Finds and loads NVIDIA's libraries, and turns the error codes of all libraries into exceptions.
 * The functions themselves are in the packages below this one, one package per library, most of it
 * generated; the package of oneDNN also loads that library.
 */
package dev.cocoli.bindings;
