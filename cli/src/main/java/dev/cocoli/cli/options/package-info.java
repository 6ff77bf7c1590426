/** The options that several commands share. */
package dev.cocoli.cli.options;
