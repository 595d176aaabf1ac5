// grouped_linear_fp8w on tcgen05: per group g of channels, y = a wT with bf16 rows and e4m3 weights (the output projection's first half).
//
//   y[m][g][n] = bf16(sum over k of a[m][g][k] * w[g N + n][k] * w_s[(g N + n) / 128][k / 128])
//
// cite      DeepSeek-V4 inference/model.py Attention.forward: einsum(bsgd, grd -> bsgr) with wo_a dequantised to bf16
// shapes    a bf16 [M, n_group, K], w e4m3 [n_group * N, K], w_s ue8m0 [n_group * N / 128, K / 128]
//           -> y bf16 [M, n_group, N]; rows of K of w on 16 bytes
// numerics  w * w_s is exact in bf16 for w_s from 2^-124 to 2^118; kind::f16, f32 accumulation, one rounding to bf16
// parallel  umma_linear.cuh: 128 rows of w x up to 128 tokens of a group a tile, pairs of CTAs where tokens are many. e4m3 and bf16 do not
//           meet in one instruction: w is copied as it is, and two warps make the stage's bf16 operand of it
#include "grouped_linear_fp8w.h"
#include "kernels/common/mma.cuh"
#include "kernels/common/umma_linear.cuh"

namespace {

using namespace umma_linear;

struct Widen {
  static constexpr int32_t WARPS = 2, AHEAD = 4;
  static constexpr uint32_t COPIED_ROW = plan::FP8W.k, CHUNK = 16, CHUNKS = COPIED_ROW / CHUNK;
  const GroupedLinearFp8wParams& p;

  // A tile's rows lie in at most two blocks of scales: rows from `split` on in the second.
  struct Rows {
    const uint8_t *first, *second;
    int32_t split;
  };
  struct Words {
    uint32_t first, second;  // w_s twice, as bf16
    int32_t split;
  };
  __device__ __forceinline__ Rows begin(const Tile& t, uint32_t) const {
    const int64_t n_block = plan::div_up(p.K, 128);
    const int32_t row = t.matrix * p.N + t.n0, last = (p.n_group * p.N - 1) / 128, block = min(row / 128, last);
    return {p.w_s + block * n_block, p.w_s + min(block + 1, last) * n_block, (block + 1) * 128 - row};
  }
  static __device__ __forceinline__ uint32_t twice(uint32_t code) { return (__float_as_uint(ue8m0_to_f32(code)) >> 16) * 0x10001u; }
  __device__ __forceinline__ Words load(const Rows& r, int32_t k) const {
    const int32_t block = k * plan::FP8W.k / 128;
    return {twice(r.first[block]), twice(r.second[block]), r.split};
  }
  // Sixteen codes of a row of `copied` are two chunks of the row of w, which lie where the 128-byte swizzle puts them.
  __device__ __forceinline__ void put(const Words& v, uint8_t* w, uint8_t* copied, uint32_t thread) const {
#pragma unroll
    for (uint32_t turn = 0; turn < plan::W_ROWS * CHUNKS / (32 * WARPS); ++turn) {
      const uint32_t i = 32 * WARPS * turn + thread;
      const uint32_t row = i / CHUNKS, chunk = 2 * (i % CHUNKS);
      const uint4 codes = *reinterpret_cast<const uint4*>(copied + i * CHUNK);
      const uint32_t scale = int32_t(row) < v.split ? v.first : v.second, code[4] = {codes.x, codes.y, codes.z, codes.w};
      uint32_t pair[8];
#pragma unroll
      for (int32_t j = 0; j < 4; ++j) mma::bf16_from_e4m3x4(code[j], pair[2 * j], pair[2 * j + 1]);
#pragma unroll
      for (int32_t j = 0; j < 8; ++j) pair[j] = mma::mul_bf16x2(pair[j], scale);
      uint8_t* to = w + row * plan::ROW_BYTES;
      *reinterpret_cast<uint4*>(to + (chunk ^ row % 8) * CHUNK) = {pair[0], pair[1], pair[2], pair[3]};
      *reinterpret_cast<uint4*>(to + ((chunk + 1) ^ row % 8) * CHUNK) = {pair[4], pair[5], pair[6], pair[7]};
    }
  }
};

template <int32_t CTAS>
__device__ __forceinline__ void product(const GroupedLinearFp8wSm100Params& p) {
  const plan::Linear l = plan::groups(p.op.M, p.op.n_group, p.op.N, p.op.K, plan::FP8W, CTAS, p.tokens);
  run<Fp8w, CTAS>(l, Groups<CTAS>{p.w_map, p.a_map, l, p.op.M, p.op.n_group}, Widen{p.op}, [&](const Tile& t) {
    const int64_t stride = int64_t(p.op.n_group) * p.op.N;
    return StoreBf16{p.op.y + t.m0 * stride + int64_t(t.group) * p.op.N, stride};
  });
}

}  // namespace

extern "C" __global__ void __launch_bounds__(THREADS, 1) grouped_linear_fp8w(const __grid_constant__ GroupedLinearFp8wSm100Params p) {
  product<1>(p);
}
extern "C" __global__ void __launch_bounds__(THREADS, 1) grouped_linear_fp8w_pair(const __grid_constant__ GroupedLinearFp8wSm100Params p) {
  product<plan::PAIR>(p);
}
