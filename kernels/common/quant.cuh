// Quantising eight channels that a thread holds.
#pragma once
#include "kernels/common/formats.cuh"
#include "kernels/common/vec.cuh"

constexpr float E4M3_INV_MAX = 1.f / 448.f;

// e4m3(clamp(x / s, -448, 448)); dividing by a power of two is multiplying by its exact reciprocal
__device__ inline uint2 quantise8_e4m3(uint4 x, float inv) {
  float v[8];
  widen8(x, v);
#pragma unroll
  for (int i = 0; i < 8; ++i) v[i] *= inv;
  return {f32_to_e4m3x4(v[0], v[1], v[2], v[3]), f32_to_e4m3x4(v[4], v[5], v[6], v[7])};
}
__device__ inline uint32_t quantise4_e4m3(uint2 x, float inv) {
  return f32_to_e4m3x4(bf16_low(x.x) * inv, bf16_high(x.x) * inv, bf16_low(x.y) * inv, bf16_high(x.y) * inv);
}
__device__ inline e4m3_t quantise1_e4m3(bf16_t x, float inv) { return e4m3_t(f32_to_e4m3x2(__bfloat162float(x) * inv, 0.f)); }
