// Codes of e4m3, e2m1 and ue8m0: exact conversions, ties to even, no logarithms. Sources: OCP OFP8 1.0 and
// OCP MX 1.0; PTX 8.8 #data-movement-and-conversion-instructions-cvt for the e4m3 pairs.
#pragma once
#include <cstdint>

// --- ue8m0: 2^(code - 127), 255 is NaN -----------------------------------------------------------

// Code of the smallest power of two that is not below x >= 0; NaN and infinity give 255.
__device__ inline uint32_t ue8m0_ceil(float x) {
  const uint32_t bits = __float_as_uint(x);
  if (bits >= 0x7f800000u) return 255;
  if (bits <= 0x00400000u) return 0;  // up to 2^-127, a subnormal
  // adding all mantissa ones carries into the exponent unless the mantissa is zero
  return min((bits + 0x007fffffu) >> 23, 254u);
}

// Scale code of a block whose largest |x| has these f32 bits: 2^ceil(log2(fl32(max(amax, floor) * inv_max))).
// NaN and infinity give 255.
__device__ inline uint32_t block_scale_code(uint32_t amax_bits, float floor, float inv_max) {
  return ue8m0_ceil(__fmul_rn(__uint_as_float(max(amax_bits, __float_as_uint(floor))), inv_max));
}

__device__ inline float ue8m0_to_f32(uint32_t code) {
  const uint32_t bits = code == 0 ? 0x00400000u : code << 23;
  return __uint_as_float(code == 255 ? 0x7fffffffu : bits);
}

// 1 / 2^(code - 127), exact for every code.
__device__ inline float ue8m0_reciprocal(uint32_t code) {
  return ue8m0_to_f32(code == 255 ? 255 : 254 - code);
}

// --- e4m3fn: largest 448, NaN 0x7f ---------------------------------------------------------------

// Two codes, `low` in the low byte; saturates at +-448.
__device__ inline uint32_t f32_to_e4m3x2(float low, float high) {
  uint16_t codes;
  asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;" : "=h"(codes) : "f"(high), "f"(low));
  return codes;
}

__device__ inline uint32_t f32_to_e4m3x4(float x0, float x1, float x2, float x3) {
  return f32_to_e4m3x2(x0, x1) | f32_to_e4m3x2(x2, x3) << 16;
}

// Values of two codes; f16 holds every e4m3 value.
__device__ inline float2 e4m3x2_to_f32(uint32_t codes) {
  uint32_t halves;
  float2 x;
  asm("cvt.rn.f16x2.e4m3x2 %0, %1;" : "=r"(halves) : "h"(uint16_t(codes)));
  asm("{.reg .f16 l, h; mov.b32 {l, h}, %2; cvt.f32.f16 %0, l; cvt.f32.f16 %1, h;}"
      : "=f"(x.x), "=f"(x.y)
      : "r"(halves));
  return x;
}

__device__ inline float e4m3_to_f32(uint32_t code) { return e4m3x2_to_f32(code & 0xff).x; }

// --- e2m1: 0 0.5 1 1.5 2 3 4 6 and their negatives -----------------------------------------------

// Adding 2^22 (times 2 for each binade above [1, 2)) leaves the bits of |x| that e2m1 keeps, rounded to even.
struct E2m1Rounded {
  float magnitude;  // min(|x|, 6) on the e2m1 grid
  float magic;      // what was added
  float sum;        // magnitude + magic
};

__device__ inline E2m1Rounded round_e2m1(float x) {
  const float a = fminf(fabsf(x), 6.f);  // fminf drops NaN, so NaN becomes 6, as cvt.rn.satfinite gives
  const uint32_t binade = max(__float_as_uint(a) & 0x7f800000u, 0x3f800000u);
  const float magic = __uint_as_float(binade + (22u << 23));
  const float sum = __fadd_rn(a, magic);
  return {__fsub_rn(sum, magic), magic, sum};
}

// Nearest e2m1 value; saturates at +-6.
__device__ inline float f32_round_e2m1(float x) { return copysignf(round_e2m1(x).magnitude, x); }

// Code in the low four bits: multiples of the binade's step, plus two codes for each binade above [1, 2).
__device__ inline uint32_t f32_to_e2m1(float x) {
  const E2m1Rounded r = round_e2m1(x);
  const uint32_t magic = __float_as_uint(r.magic);
  const uint32_t code = __float_as_uint(r.sum) - magic + ((magic - 0x4a800000u) >> 22);
  return code | (__float_as_uint(x) >> 28 & 8u);
}

// Exponent and mantissa bits placed into an f32 are the value times 2^-126, subnormal codes included.
__device__ inline float e2m1_to_f32(uint32_t code) {
  return __uint_as_float((code & 7u) << 22 | (code & 8u) << 28) * 0x1p126f;
}
