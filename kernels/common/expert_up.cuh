// The first half of an expert, row by row: what the products with w1 and w3 give is activated and quantised. A warp finishes 128 channels
// of a row, four a lane. For the parameters of any fusion that ends so: g, u, act (each may be null), q, s; N, limit, and floor or a_global.
#pragma once
#include "kernels/common/nvfp4.cuh"
#include "kernels/common/quant.cuh"
#include "kernels/common/reduce.cuh"
#include "kernels/common/swiglu.cuh"

namespace expert_up {

constexpr int CHANNELS = 128;  // of a warp: a block of the FP8 quantiser

// Four channels of a row, or the `count` of them that a ragged row has.
struct Four {
  int64_t at;  // of the first, in a tensor of N channels a row
  int count;
  bool vector;  // rows start on four channels

  // Channels n .. n + 3; `aligned` says whether the tensors are.
  __device__ __forceinline__ Four(int64_t row, int n, int N, bool aligned)
      : at(row * N + n), count(max(0, min(4, N - n))), vector(aligned && N % 4 == 0) {}

  __device__ __forceinline__ void store(bf16_t* to, uint2 v) const {
    if (count == 4 && vector) {
      *reinterpret_cast<uint2*>(to + at) = v;
    } else {
      const uint32_t words[2] = {v.x, v.y};
      for (int i = 0; i < count; ++i) to[at + i] = __ushort_as_bfloat16(uint16_t(words[i / 2] >> 16 * (i % 2)));
    }
  }
  __device__ __forceinline__ void store(e4m3_t* to, uint32_t codes) const {
    if (count == 4 && vector)
      *reinterpret_cast<uint32_t*>(to + at) = codes;
    else
      for (int i = 0; i < count; ++i) to[at + i] = e4m3_t(codes >> 8 * i);
  }
  // Two codes a byte: rows have an even number of channels.
  __device__ __forceinline__ void store_e2m1(e2m1x2_t* to, uint32_t codes) const {
    if (count == 4 && vector)
      *reinterpret_cast<uint16_t*>(to + at / 2) = uint16_t(codes);
    else
      for (int i = 0; i < count; i += 2) to[(at + i) / 2] = e2m1x2_t(codes >> 4 * i);
  }
};

__device__ __forceinline__ uint2 round4(float4 v) { return {round_bf16x2(v.x, v.y), round_bf16x2(v.z, v.w)}; }
__device__ __forceinline__ uint2 round4(float4 v, float global) {
  return round4({v.x * global, v.y * global, v.z * global, v.w * global});
}

// bf16(act) of four channels, of which the row's missing ones are zero; g and u are rounded as the products store them.
template <class P>
__device__ __forceinline__ uint2 activate(const P& p, const Four& four, uint2 g, uint2 u, float weight) {
  if (p.g) four.store(p.g, g);
  if (p.u) four.store(p.u, u);
  const auto two = [&](uint32_t a, uint32_t b) {
    return round_bf16x2(swiglu_of(bf16_low(a), bf16_low(b), p.limit, weight), swiglu_of(bf16_high(a), bf16_high(b), p.limit, weight));
  };
  const uint2 y = {two(g.x, u.x), two(g.y, u.y)};
  if (p.act) four.store(p.act, y);
  return y;
}

// What a row's routing weight is.
template <class P>
__device__ __forceinline__ float weight_of(const P& p, int64_t row) {
  return p.weight ? p.weight[p.row_slot ? p.row_slot[row] : row] : 1.0f;
}

__device__ __forceinline__ uint32_t abs_max_of(uint2 y) { return abs_max_bits({y.x, y.y, 0, 0}); }

// Codes of 128 channels under one scale, by the whole warp.
template <class P>
__device__ __forceinline__ void quantise_e4m3(const P& p, const Four& four, uint2 y, int64_t scale_at) {
  const uint32_t code = block_scale_code(__reduce_max_sync(FULL_WARP, abs_max_of(y)), p.floor, E4M3_INV_MAX);
  four.store(p.q, quantise8_e4m3({y.x, y.y, 0, 0}, ue8m0_reciprocal(code)).x);
  if (threadIdx.x % 32 == 0) p.s[scale_at] = ue8m0_t(code);
}

// The same in blocks of 16 channels under the expert's global scale; `scale_at` is that of the lane.
template <class P>
__device__ __forceinline__ void quantise_nvfp4(const P& p, const Four& four, uint2 y, float global, int64_t scale_at) {
  const Nvfp4Scale s = nvfp4_scale(warp_max(abs_max_of(y), 4), global);
  four.store_e2m1(p.q, nvfp4_codes2(y.x, s.divisor) | nvfp4_codes2(y.y, s.divisor) << 8);
  if (threadIdx.x % 4 == 0 && four.count > 0) p.s[scale_at] = e4m3_t(s.code);
}

}  // namespace expert_up
