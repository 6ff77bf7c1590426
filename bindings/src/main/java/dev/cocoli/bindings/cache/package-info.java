/** Directories for files that can be made again, and what must hold before they are trusted. */
package dev.cocoli.bindings.cache;
