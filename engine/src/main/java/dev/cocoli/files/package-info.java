/** Files that are written: whole or not at all, and nobody else's. */
package dev.cocoli.files;
