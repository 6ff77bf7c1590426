/**
 * The native libraries of the CPU, as resources: oneDNN, and the OpenMP library that it needs. The
 * resources lie in folders that are no packages, so that every module can read them.
 */
module dev.cocoli.natives {}
