// NVFP4 under a global scale (NVIDIA Model-Optimizer nvfp4_tensor.py): the scale of a block, and its codes.
#pragma once
#include "kernels/common/formats.cuh"
#include "kernels/common/vec.cuh"

struct Nvfp4Scale {
  uint32_t code;  // e4m3
  float divisor;  // s g
};

__device__ inline Nvfp4Scale nvfp4_scale(uint32_t amax_bits, float g) {
  // s = e4m3(min(amax / (6 g), 448)); the conversion saturates
  const uint32_t code = f32_to_e4m3x2(__fdiv_rn(__uint_as_float(amax_bits), __fmul_rn(6.f, g)), 0.f) & 0xff;
  return {code, __fmul_rn(e4m3_to_f32(code), g)};
}

// q = e2m1(x / (s g)) of two channels
__device__ inline uint32_t nvfp4_codes2(uint32_t pair, float divisor) {
  if (divisor == 0.f) return 0;
  if (divisor != divisor) return 0x77;
  const uint32_t low = f32_to_e2m1(__fdiv_rn(bf16_low(pair), divisor));
  return low | f32_to_e2m1(__fdiv_rn(bf16_high(pair), divisor)) << 4;
}

__device__ inline uint32_t nvfp4_codes8(uint4 v, float divisor) {
  return nvfp4_codes2(v.x, divisor) | nvfp4_codes2(v.y, divisor) << 8 |  //
         nvfp4_codes2(v.z, divisor) << 16 | nvfp4_codes2(v.w, divisor) << 24;
}
