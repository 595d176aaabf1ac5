// Pages of the packed key/value cache (FlashMLA tests/quant.py, MODEL1): first the values of all of a page's tokens, 448 e4m3 and 64 bf16
// each, then their scales, ue8m0 of 64 values each and a byte that is nobody's; pages begin on multiples of a token's values.
#pragma once
#include "kernels/common/fp8_sim.cuh"

namespace packed {

constexpr int CHANNELS = 512, NOPE = 448, BLOCK = 64;
constexpr int VALUE_BYTES = NOPE + 2 * (CHANNELS - NOPE), SCALE_BYTES = 8;
constexpr int LANES = BLOCK / 8;  // that share a scale, with eight channels each

// Byte: uint8_t, const where the cache is read.
template <class Byte>
struct Pages {
  Byte* base;
  int page_size;

  // First row of the slot's page, in rows of VALUE_BYTES: a page is a whole number of them.
  __device__ inline int page(int slot) const {
    return slot / page_size * ((page_size * (VALUE_BYTES + SCALE_BYTES) + VALUE_BYTES - 1) / VALUE_BYTES);
  }
  __device__ inline int row(int slot) const { return page(slot) + slot % page_size; }
  __device__ inline Byte* values_at(int row) const { return base + int64_t(row) * VALUE_BYTES; }
  __device__ inline Byte* values(int slot) const { return values_at(row(slot)); }
  __device__ inline Byte* scales(int slot) const { return values_at(page(slot) + page_size) + slot % page_size * SCALE_BYTES; }
};

// Channels c .. c + 7 of a row to `slot`, with neighbours in neighbouring lanes; whole warps call it.
__device__ inline void insert8(const Pages<uint8_t>& pages, int slot, int c, uint4 v) {
  const uint32_t code = sim_scale_code(v, c < NOPE, LANES);
  if (c < NOPE) {
    *reinterpret_cast<uint2*>(pages.values(slot) + c) = quantise8_e4m3(v, ue8m0_reciprocal(code));
    if (c % BLOCK == 0) pages.scales(slot)[c / BLOCK] = uint8_t(code);
  } else {
    store16(pages.values(slot) + NOPE + 2 * (c - NOPE), v);
  }
}

// Scale of channels c .. c + 7 out of a row's scales; c is below NOPE.
__device__ inline float scale_of(uint2 scales, int c) {
  return ue8m0_to_f32((c < 4 * BLOCK ? scales.x : scales.y) >> (c / BLOCK % 4 * 8) & 255);
}

// Eight codes times their scale, in bf16. Exact for scales from 2^-124 to 2^119; beyond them the largest codes are infinite, the smallest
// are rounded to bf16's subnormals.
__device__ inline uint4 unpack8(uint2 codes, float s) {
  const float2 a = e4m3x2_to_f32(codes.x & 0xffff), b = e4m3x2_to_f32(codes.x >> 16);
  const float2 c = e4m3x2_to_f32(codes.y & 0xffff), d = e4m3x2_to_f32(codes.y >> 16);
  return {round_bf16x2(a.x * s, a.y * s), round_bf16x2(b.x * s, b.y * s), round_bf16x2(c.x * s, c.y * s), round_bf16x2(d.x * s, d.y * s)};
}

}  // namespace packed
