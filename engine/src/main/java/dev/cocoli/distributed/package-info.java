/**
 * Process groups: the ranks of a run, their collective operations, and how the ranks of several
 * processes connect.
 */
package dev.cocoli.distributed;
