/** Image files and their pixels: headers, decoding, orientation. */
package dev.cocoli.data.image;
