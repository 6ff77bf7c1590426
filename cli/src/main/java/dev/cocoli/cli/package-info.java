/**
 * The command line: parses options, calls the library, prints and draws. The library does not
 * depend on it.
 */
package dev.cocoli.cli;
