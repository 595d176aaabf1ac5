// The first half of an expert, row by row: what the products with w1 and w3 give is activated and quantised. A warp finishes 128 channels
// of a row, four a lane. For the parameters of any fusion that ends so: g, u, act (each may be null), q, s; N, limit, and floor or a_global.
#pragma once
#include "kernels/common/nvfp4.cuh"
#include "kernels/common/quant.cuh"
#include "kernels/common/reduce.cuh"
#include "kernels/common/swiglu.cuh"

namespace expert_up {

constexpr int CHANNELS = 128;  // of a warp: a block of the FP8 quantiser

// Four channels of a row, or those that a ragged row still has. There is no count of them: of min(4, N - n), at least 0, compared with 4, ptxas
// 13.0.88 makes for sm_90a one VIMNMX.RELU whose two predicates are one register, and lanes behind the row's end take it for whole.
struct Four {
  int64_t at;  // of the first, in a tensor of N channels a row
  int left;    // channels from there to the row's end: any number, negative too
  bool whole;  // the four are one access

  // Channels n .. n + 3; `aligned` says whether the tensors are.
  __device__ __forceinline__ Four(int64_t row, int n, int N, bool aligned)
      : at(row * N + n), left(N - n), whole(aligned && N % 4 == 0 && n + 4 <= N) {}

  __device__ __forceinline__ void store(bf16_t* to, uint2 v) const {
    if (whole) {
      *reinterpret_cast<uint2*>(to + at) = v;
    } else {
#pragma unroll
      for (int i = 0; i < 4; ++i)
        if (i < left) to[at + i] = __ushort_as_bfloat16(uint16_t((i < 2 ? v.x : v.y) >> 16 * (i % 2)));
    }
  }
  __device__ __forceinline__ void store(e4m3_t* to, uint32_t codes) const {
    if (whole) {
      *reinterpret_cast<uint32_t*>(to + at) = codes;
    } else {
#pragma unroll
      for (int i = 0; i < 4; ++i)
        if (i < left) to[at + i] = e4m3_t(codes >> 8 * i);
    }
  }
  // Two codes a byte: rows have an even number of channels.
  __device__ __forceinline__ void store_e2m1(e2m1x2_t* to, uint32_t codes) const {
    if (whole) {
      *reinterpret_cast<uint16_t*>(to + at / 2) = uint16_t(codes);
    } else {
#pragma unroll
      for (int i = 0; i < 4; i += 2)
        if (i < left) to[(at + i) / 2] = e2m1x2_t(codes >> 4 * i);
    }
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
  if (threadIdx.x % 4 == 0 && four.left > 0) p.s[scale_at] = e4m3_t(s.code);
}

}  // namespace expert_up
