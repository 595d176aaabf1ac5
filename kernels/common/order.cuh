// Float order as unsigned integer order, for selections.
#pragma once
#include <cstdint>

constexpr uint32_t KEY_NAN = 1;  // below every number; 0 is free for "none"

// a < b <=> key(a) < key(b); -0 equals +0, NaN is below -inf.
__device__ inline uint32_t order_key(float x) {
  const uint32_t bits = __float_as_uint(x + 0.0f);  // -0 + 0 = +0
  const uint32_t key = bits ^ (uint32_t(int32_t(bits) >> 31) | 0x80000000u);
  return x == x ? key : KEY_NAN;
}
