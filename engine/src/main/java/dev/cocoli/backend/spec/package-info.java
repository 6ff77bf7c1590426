/** The parameters of the operations of a {@link dev.cocoli.backend.Backend}, one record each. */
package dev.cocoli.backend.spec;
