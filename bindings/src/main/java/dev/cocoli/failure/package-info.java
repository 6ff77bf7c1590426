/**
 * The base class of the library's exceptions. It lies in the lowest module so that failures of
 * native libraries belong to the family.
 */
package dev.cocoli.failure;
