/**
 * Regions that may hold an object: selective search, which finds them on an image, and the file
 * that keeps them for a data set.
 */
package dev.cocoli.data.proposals;
