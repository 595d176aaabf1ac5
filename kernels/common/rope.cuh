// Rotation of channels as interleaved pairs (DeepSeek-V4 model.py apply_rotary_emb).
#pragma once
#include "kernels/common/vec.cuh"

// cos and sin of fl32(pos * freq), the angle as the official table has it
__device__ inline float2 turn_of(int pos, float freq) {
  float s, c;
  sincosf(__fmul_rn(float(pos), freq), &s, &c);
  return {c, s};
}

// bf16 of (e, o) * (cos + i sin)
__device__ inline uint32_t rotate(float e, float o, float2 cs) {
  return round_bf16x2(e * cs.x - o * cs.y, e * cs.y + o * cs.x);
}
__device__ inline uint32_t rotate(uint32_t pair, float2 cs) { return rotate(bf16_low(pair), bf16_high(pair), cs); }

// Four pairs, from the table's entry `cs` on.
__device__ inline uint4 rotate8(uint4 v, const float2* cs) {
  return {rotate(v.x, cs[0]), rotate(v.y, cs[1]), rotate(v.z, cs[2]), rotate(v.w, cs[3])};
}
