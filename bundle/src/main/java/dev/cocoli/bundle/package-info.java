/** The archive for servers without a JDK. It is no part of the product. */
package dev.cocoli.bundle;
