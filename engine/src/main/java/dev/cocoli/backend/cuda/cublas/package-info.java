/** Matrix products with cuBLAS. */
package dev.cocoli.backend.cuda.cublas;
