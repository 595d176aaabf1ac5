// e4m3 weights by bf16 on tcgen05. The two do not meet in one instruction: w is copied as it is, and two warps make the stage's bf16
// operand of it.
#pragma once
#include "kernels/common/mma.cuh"
#include "kernels/common/umma_linear.cuh"

namespace umma_linear {

struct Widen {
  static constexpr int32_t WARPS = 2, AHEAD = 4;
  static constexpr uint32_t COPIED_ROW = plan::FP8W.k, CHUNK = 16, CHUNKS = COPIED_ROW / CHUNK;
  const ue8m0_t* w_s;
  int32_t n_group, N, K;

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
    const int64_t n_block = plan::div_up(K, 128);
    const int32_t row = t.matrix * N + t.n0, last = (n_group * N - 1) / 128, block = min(row / 128, last);
    return {w_s + block * n_block, w_s + min(block + 1, last) * n_block, (block + 1) * 128 - row};
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

}  // namespace umma_linear
