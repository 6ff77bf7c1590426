/**
 * What {@code prove} does on a server with a GPU: stages of checks, each in a process that is ended
 * when its time is over.
 */
package dev.cocoli.bundle.prove;
