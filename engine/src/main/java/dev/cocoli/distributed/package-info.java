/** Process groups: the collective operations of ranks, and how ranks find each other. */
package dev.cocoli.distributed;
