/** Training on several devices: a replica of the model on each, gradients summed over all. */
package dev.cocoli.train.parallel;
