// Warp-level matrix instruction (m16n8k16, f32 accumulators) and the exact widenings that feed it.
//
// A dot product does not care in which order it meets K as long as both operands agree. Kernels here use
// that: in a group of 4 * G consecutive k, the four lanes q = lane % 4 own G consecutive k each, so that a
// lane loads its share of a weight row from global memory in one piece, straight into B fragments, and no
// weight passes through shared memory.
#pragma once
#include <cuda_fp16.h>

#include "kernels/common/formats.cuh"
#include "kernels/common/types.h"

namespace mma {

struct Bf16 {};
struct F16 {};

// m16n8k16: d += a b; m16n8k16_start: d = a b. PTX #warp-level-matrix-fragment-mma-16816-float: row = lane /
// 4 (+ 8), a0/a1 the first k pair of rows r, r + 8, a2/a3 the second; b0/b1 the same pairs of column lane /
// 4; d: columns 2q, 2q + 1 of rows r (d[0], d[1]) and r + 8 (d[2], d[3]).
#define MMA_M16N8K16(KIND, TYPE)                                                                           \
  __device__ __forceinline__ void m16n8k16(KIND, float (&d)[4], uint32_t a0, uint32_t a1, uint32_t a2,     \
                                           uint32_t a3, uint32_t b0, uint32_t b1) {                        \
    asm("mma.sync.aligned.m16n8k16.row.col.f32." TYPE "." TYPE ".f32 "                                     \
        "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"                                            \
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])                                                   \
        : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));                                           \
  }                                                                                                        \
  __device__ __forceinline__ void m16n8k16_start(KIND, float (&d)[4], uint32_t a0, uint32_t a1, uint32_t a2,\
                                                 uint32_t a3, uint32_t b0, uint32_t b1) {                  \
    asm("mma.sync.aligned.m16n8k16.row.col.f32." TYPE "." TYPE ".f32 "                                     \
        "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%10,%10,%10,%10};"                                        \
        : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])                                                   \
        : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1), "f"(0.0f));                                \
  }
MMA_M16N8K16(Bf16, "bf16")
MMA_M16N8K16(F16, "f16")
#undef MMA_M16N8K16

// Two e4m3 codes of the low half of `codes` as f16 (exact: f16 holds every e4m3 value; NaN stays NaN).
__device__ __forceinline__ uint32_t f16_from_e4m3(uint32_t codes) {
  uint32_t r;
  asm("{ .reg .b16 lo, hi; mov.b32 {lo, hi}, %1; cvt.rn.f16x2.e4m3x2 %0, lo; }" : "=r"(r) : "r"(codes));
  return r;
}
// Four consecutive e4m3 codes as two f16 pairs.
__device__ __forceinline__ void f16_from_e4m3x4(uint32_t codes, uint32_t& lo, uint32_t& hi) {
  asm("{ .reg .b16 l, h; mov.b32 {l, h}, %2; cvt.rn.f16x2.e4m3x2 %0, l; cvt.rn.f16x2.e4m3x2 %1, h; }"
      : "=r"(lo), "=r"(hi)
      : "r"(codes));
}
// The same as bf16 pairs (exact: bf16 holds every e4m3 value).
__device__ __forceinline__ uint32_t bf16_from_f16(uint32_t pair) {
  uint32_t r;
  asm("{ .reg .b16 l, h; .reg .f32 x, y; mov.b32 {l, h}, %1; cvt.f32.f16 x, l; cvt.f32.f16 y, h; "
      "cvt.rn.bf16x2.f32 %0, y, x; }"
      : "=r"(r)
      : "r"(pair));
  return r;
}
__device__ __forceinline__ void bf16_from_e4m3x4(uint32_t codes, uint32_t& lo, uint32_t& hi) {
  f16_from_e4m3x4(codes, lo, hi);
  lo = bf16_from_f16(lo);
  hi = bf16_from_f16(hi);
}

// Eight e2m1 codes (element i in bits 4i .. 4i + 3) times 2^-14 as f16, in the order 0 4 | 1 5 | 2 6 | 3 7:
// the code's sign, exponent and mantissa bits moved to f16's places, where exponent field 0 makes subnormals
// of both formats the same thing. Whoever pairs these with another operand puts that one in the same order.
__device__ __forceinline__ void f16_from_e2m1x8(uint32_t codes, uint32_t (&h)[4]) {
  constexpr uint32_t SIGN = 0x80008000u, MAGNITUDE = 0x0e000e00u;
  h[0] = ((codes << 12) & SIGN) | ((codes << 9) & MAGNITUDE);
  h[1] = ((codes << 8) & SIGN) | ((codes << 5) & MAGNITUDE);
  h[2] = ((codes << 4) & SIGN) | ((codes << 1) & MAGNITUDE);
  h[3] = (codes & SIGN) | ((codes >> 3) & MAGNITUDE);
}
inline constexpr float E2M1_UNIT = 0x1p14f;  // undoes the 2^-14 above

__device__ __forceinline__ uint32_t mul_bf16x2(uint32_t a, uint32_t b) {
  uint32_t r;
  asm("mul.rn.bf16x2 %0, %1, %2;" : "=r"(r) : "r"(a), "r"(b));
  return r;
}

// Eight e2m1 codes times the ue8m0 scale of code `scale` as bf16, in the order 0 4 | 1 5 | 2 6 | 3 7. The bits moved to bf16's places are
// the value times 2^-126; both products are exact below 2^128, subnormals included. A NaN scale makes all of them NaN.
__device__ __forceinline__ void bf16_from_e2m1x8(uint32_t codes, uint32_t scale, uint32_t (&h)[4]) {
  constexpr uint32_t SIGN = 0x80008000u, MAGNITUDE = 0x01c001c0u, UNIT = 0x7e807e80u;  // 2^126
  const uint32_t s = (scale == 0 ? 0x0040u : scale == 255 ? 0x7fffu : scale << 7) * 0x00010001u;
  h[0] = ((codes << 12) & SIGN) | ((codes << 6) & MAGNITUDE);
  h[1] = ((codes << 8) & SIGN) | ((codes << 2) & MAGNITUDE);
  h[2] = ((codes << 4) & SIGN) | ((codes >> 2) & MAGNITUDE);
  h[3] = (codes & SIGN) | ((codes >> 6) & MAGNITUDE);
#pragma unroll
  for (int i = 0; i < 4; ++i) h[i] = mul_bf16x2(mul_bf16x2(h[i], UNIT), s);
}

__device__ __forceinline__ uint32_t mul_f16x2(uint32_t a, uint32_t b) {
  uint32_t r;
  asm("mul.rn.f16x2 %0, %1, %2;" : "=r"(r) : "r"(a), "r"(b));
  return r;
}

__device__ __forceinline__ bool aligned(const void* p, uint32_t bytes) {
  return (reinterpret_cast<uintptr_t>(p) & (bytes - 1)) == 0;
}

}  // namespace mma
