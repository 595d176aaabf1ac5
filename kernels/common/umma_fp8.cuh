// The scales of an FP8 product on tcgen05, by 128 rows of w and by token. The instruction takes a scale per 32 of K: a 128-block's scale
// fills the four bytes of a row's word.
#pragma once
#include "kernels/common/umma_linear.cuh"

namespace umma_linear {

// `w_s(tile)` says where the scales of the tile's matrix begin.
template <class W>
struct Fp8Scales {
  static constexpr int32_t WARPS = 1, AHEAD = 4;
  const ue8m0_t* a_s;
  int32_t K;
  W w_s;

  struct Rows {
    const uint8_t* w;  // of all rows: a tile of w is one block of its scales
    ScaleRows<uint8_t> x;
  };
  struct Words {
    uint32_t w;
    ScaleWords x;
  };
  __device__ __forceinline__ Rows begin(const Tile& t, uint32_t lane) const {
    const int64_t n_block = plan::div_up(K, 128);
    return {w_s(t) + t.n0 / 128 * n_block,
            ScaleRows<uint8_t>::of(lane, [&](int32_t r) { return r < t.rows ? a_s + (t.m0 + r) * n_block : nullptr; })};
  }
  __device__ __forceinline__ Words load(const Rows& r, int32_t block) const {
    return {r.w[block] * 0x01010101u, r.x.load_repeated(block)};
  }
  __device__ __forceinline__ void put(const Words& v, uint8_t*, uint8_t* atoms, uint32_t lane) const {
    ScaleWords{v.w, v.w, v.w, v.w}.put(atoms, lane);
    v.x.put(atoms + plan::SCALE_ATOM, lane);
  }
};

}  // namespace umma_linear
