// What top-k and non-maximum suppression order boxes by.
#pragma once

#include "cocoli.cuh"

// A score with its index as a key whose rising order is that of falling scores, equal scores in the order of the indices.
__device__ inline u64 score_key(float score, u32 index) {
  // adding 0 turns -0 into 0, so that the two are equal
  u32 bits = __float_as_uint(score + 0.0f);
  u32 falling = (bits & 0x80000000u) != 0 ? bits : ~bits & 0x7fffffffu;
  return static_cast<u64>(falling) << 32 | index;
}
