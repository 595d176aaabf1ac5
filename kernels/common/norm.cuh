// RMSNorm in registers: the factor of a row, and eight channels of it (Zhang & Sennrich 2019, eq. 4).
#pragma once
#include "kernels/common/reduce.cuh"
#include "kernels/common/vec.cuh"

__device__ inline float sum_of_squares8(uint4 x, float sum) {
  float v[8];
  widen8(x, v);
#pragma unroll
  for (int i = 0; i < 8; ++i) sum = fmaf(v[i], v[i], sum);
  return sum;
}

// 1 / sqrt(mean(x^2) + eps) of a row of n channels
__device__ inline float norm_factor(float sum, int n, float eps) { return 1.f / sqrtf(sum / float(n) + eps); }

// bf16(w * (x * r))
__device__ inline uint4 norm8(uint4 x, uint4 w, float r) {
  float v[8], u[8];
  widen8(x, v);
  widen8(w, u);
#pragma unroll
  for (int i = 0; i < 8; ++i) v[i] = u[i] * (v[i] * r);
  return round_bf16x8(v);
}
__device__ inline bf16_t norm1(bf16_t x, bf16_t w, float r) {
  return __float2bfloat16_rn(__bfloat162float(w) * (__bfloat162float(x) * r));
}
