/**
 * The command line: reads options, calls the library, prints and draws. Nothing here is needed by
 * the library.
 */
package dev.cocoli.cli;
