package dev.cocoli.backend.spec;

/**
 * One step of stochastic gradient descent as {@code torch.optim.SGD} takes it, without Nesterov's
 * variant or dampening.
 *
 * @param learningRate the rate
 * @param momentum the share of the last step's velocity that is kept
 * @param weightDecay times the parameter, added to its gradient
 */
public record SgdSpec(float learningRate, float momentum, float weightDecay) {}
