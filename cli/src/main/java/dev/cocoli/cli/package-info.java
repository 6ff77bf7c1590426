/** The command line. The library does not depend on it. */
package dev.cocoli.cli;
