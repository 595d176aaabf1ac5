// 16-byte accesses and bf16 <-> f32 in registers. Kernels take the vector path when every row starts on 16
// bytes and holds a whole number of vectors, else a scalar path: shapes are never rounded up.
#pragma once
#include "kernels/common/types.h"

// True when `n` elements of T a row leave every row of p on a 16-byte boundary.
template <class T>
__device__ inline bool rows_are_vectors(const T* p, int64_t n) {
  return reinterpret_cast<uintptr_t>(p) % 16 == 0 && n * int64_t(sizeof(T)) % 16 == 0;
}

template <class T>
__device__ inline uint4 load16(const T* p) {
  return *reinterpret_cast<const uint4*>(p);
}

template <class T>
__device__ inline void store16(T* p, uint4 v) {
  *reinterpret_cast<uint4*>(p) = v;
}

// A bf16 is the upper half of an f32, so widening is a shift or a mask.
__device__ inline float bf16_low(uint32_t pair) { return __uint_as_float(pair << 16); }
__device__ inline float bf16_high(uint32_t pair) { return __uint_as_float(pair & 0xffff0000u); }

__device__ inline void widen8(uint4 v, float (&x)[8]) {
  x[0] = bf16_low(v.x), x[1] = bf16_high(v.x);
  x[2] = bf16_low(v.y), x[3] = bf16_high(v.y);
  x[4] = bf16_low(v.z), x[5] = bf16_high(v.z);
  x[6] = bf16_low(v.w), x[7] = bf16_high(v.w);
}

// Two f32 rounded to bf16, ties to even; `low` goes to the lower address.
__device__ inline uint32_t round_bf16x2(float low, float high) {
  const __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
  return *reinterpret_cast<const uint32_t*>(&pair);
}

__device__ inline uint4 round_bf16x8(const float (&x)[8]) {
  return {round_bf16x2(x[0], x[1]), round_bf16x2(x[2], x[3]),  //
          round_bf16x2(x[4], x[5]), round_bf16x2(x[6], x[7])};
}

// |x| of a bf16 as f32 bits. They order like |x| with infinity and NaN on top, so integer maxima keep NaN.
__device__ inline uint32_t abs_bits(bf16_t x) { return uint32_t(__bfloat16_as_ushort(x) & 0x7fffu) << 16; }

// Largest |x| of eight bf16 as f32 bits; two channels at once, in the halves of a word.
__device__ inline uint32_t abs_max_bits(uint4 v) {
  const uint32_t two = __vmaxu2(__vmaxu2(v.x & 0x7fff7fffu, v.y & 0x7fff7fffu),
                                __vmaxu2(v.z & 0x7fff7fffu, v.w & 0x7fff7fffu));
  return max(two << 16, two & 0xffff0000u);
}
__device__ inline uint32_t abs_max_bits(uint2 v) {
  const uint32_t two = __vmaxu2(v.x & 0x7fff7fffu, v.y & 0x7fff7fffu);
  return max(two << 16, two & 0xffff0000u);
}
