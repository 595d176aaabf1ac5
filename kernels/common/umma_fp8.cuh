// The scales of an FP8 product on tcgen05, by 128 rows of w and by token. The instruction takes a scale per 32 of K: a 128-block's scale
// fills the four bytes of a row's word.
#pragma once
#include "kernels/common/umma_linear.cuh"

namespace umma_linear {

// `w_s(tile, a)` says where the scales of matrix a of the tile begin.
template <int32_t CTAS, int32_t MATRICES, class W>
struct Fp8Scales {
  using Warp = ScaleWarp<CTAS>;
  static constexpr int32_t WARPS = CTAS, AHEAD = 4;
  const ue8m0_t* a_s;
  int32_t K;
  W w_s;

  struct Rows {
    const uint8_t* w[MATRICES];  // of all rows: a tile of w is one block of its scales
    ScaleRows<uint8_t> x;
  };
  struct Words {
    uint32_t w[MATRICES];
    ScaleWords x;
  };
  __device__ __forceinline__ Rows begin(const Tile& t, uint32_t thread) const {
    const int64_t n_block = plan::div_up(K, 128);
    const int32_t row = t.w_rows > 0 ? t.n0 : 0;  // of no rows any block does
    Rows rows;
#pragma unroll
    for (int32_t a = 0; a < MATRICES; ++a) rows.w[a] = w_s(t, a) + row / 128 * n_block;
    rows.x = ScaleRows<uint8_t>::of(Warp::first_row(thread),
                                    [&](int32_t r) { return r < t.rows ? a_s + (t.m0 + r) * n_block : nullptr; });
    return rows;
  }
  __device__ __forceinline__ Words load(const Rows& r, int32_t block) const {
    Words v;
#pragma unroll
    for (int32_t a = 0; a < MATRICES; ++a) v.w[a] = r.w[a][block] * 0x01010101u;
    v.x = r.x.load_repeated(block);
    return v;
  }
  __device__ __forceinline__ void put(const Words& v, uint8_t*, uint8_t* atoms, uint32_t thread) const {
    const uint32_t lane = Warp::lane(thread);
    if (Warp::has_w(thread)) {
#pragma unroll
      for (int32_t a = 0; a < MATRICES; ++a) ScaleWords{v.w[a], v.w[a], v.w[a], v.w[a]}.put(atoms + a * plan::SCALE_ATOM, lane);
    }
    v.x.put(atoms + (MATRICES + Warp::atom(thread)) * plan::SCALE_ATOM, lane);
  }
};

}  // namespace umma_linear
