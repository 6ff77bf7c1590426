/** The optimizer and the learning rate schedule. */
package dev.cocoli.train.optim;
