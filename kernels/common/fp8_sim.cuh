// e4m3 round trip with a power-of-two scale (DeepSeek-V4 kernel.py act_quant inplace).
#pragma once
#include "kernels/common/quant.cuh"
#include "kernels/common/reduce.cuh"

constexpr float SIM_AMAX_FLOOR = 1e-4f;

// bf16(e4m3(x / s) * s) of two channels
__device__ inline uint32_t round_trip(uint32_t pair, float inv, float s) {
  const float2 v = e4m3x2_to_f32(f32_to_e4m3x2(bf16_low(pair) * inv, bf16_high(pair) * inv));
  return round_bf16x2(v.x * s, v.y * s);
}

// Eight channels of a block that spreads over `lanes` neighbouring lanes, a power of two; whole warps call it. Channels with `in_block`
// false are copied: a last short block shares its lanes with them.
__device__ inline uint4 round_trip8(uint4 v, bool in_block, int lanes) {
  const uint32_t amax = warp_max(in_block ? abs_max_bits(v) : 0u, lanes);
  const uint32_t code = block_scale_code(amax, SIM_AMAX_FLOOR, E4M3_INV_MAX);
  const float s = ue8m0_to_f32(code), inv = ue8m0_reciprocal(code);
  if (!in_block) return v;
  return {round_trip(v.x, inv, s), round_trip(v.y, inv, s), round_trip(v.z, inv, s), round_trip(v.w, inv, s)};
}
