/** How parameters move: optimizers and learning rate schedules. */
package dev.cocoli.train.optim;
