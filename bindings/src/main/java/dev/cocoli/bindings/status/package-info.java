/** Turns the status codes of the vendors' libraries into exceptions with their names and texts. */
package dev.cocoli.bindings.status;
