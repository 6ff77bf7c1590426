/**
 * Regions that may hold an object: selective search, which finds them in an image, and the file
 * that stores them for a data set.
 */
package dev.cocoli.data.proposals;
