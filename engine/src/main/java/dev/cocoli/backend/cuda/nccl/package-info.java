/** Ranks with one GPU each, connected by NCCL. */
package dev.cocoli.backend.cuda.nccl;
