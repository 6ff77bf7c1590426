/** What commands print: lines, bars, errors, escaped for a terminal. */
package dev.cocoli.cli.terminal;
