/** Reads image files: headers, orientation, and decoding to RGB pixels. */
package dev.cocoli.data.image;
