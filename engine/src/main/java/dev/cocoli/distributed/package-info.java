/** Process groups: ranks, their collective operations, and how several processes connect. */
package dev.cocoli.distributed;
