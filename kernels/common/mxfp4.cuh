// e2m1 codes with a power-of-two scale for 32 channels (DeepSeek-V4 kernel.py fp4_act_quant).
#pragma once
#include "kernels/common/formats.cuh"
#include "kernels/common/vec.cuh"

namespace mxfp4 {

constexpr float INV_MAX = 1.f / 6.f;         // of e2m1
constexpr float AMAX_FLOOR = 6 * 0x1p-126f;  // the smallest scale is then the smallest normal number
constexpr int BLOCK = 32;

// Code of the scale of a block whose largest |x| has these f32 bits.
__device__ inline uint32_t scale_code(uint32_t amax_bits) { return block_scale_code(amax_bits, AMAX_FLOOR, INV_MAX); }

// q = e2m1(x * inv) of two channels; a product with the reciprocal of a NaN scale is NaN, whose code is 7
__device__ inline uint32_t codes2(uint32_t pair, float inv) {
  return f32_to_e2m1(bf16_low(pair) * inv) | f32_to_e2m1(bf16_high(pair) * inv) << 4;
}
__device__ inline uint32_t codes8(uint4 v, float inv) {
  return codes2(v.x, inv) | codes2(v.y, inv) << 8 | codes2(v.z, inv) << 16 | codes2(v.w, inv) << 24;
}

}  // namespace mxfp4
