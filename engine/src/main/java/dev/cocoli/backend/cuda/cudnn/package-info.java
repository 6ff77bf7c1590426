/** Convolutions, planned with cuDNN's graph API. */
package dev.cocoli.backend.cuda.cudnn;
