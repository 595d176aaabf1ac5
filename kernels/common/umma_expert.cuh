// The scales of expert products on tcgen05, of one matrix or of several on the same rows: the atoms of every matrix, then those of x.
#pragma once
#include "kernels/common/umma_format.cuh"
#include "kernels/common/umma_tiles.cuh"

namespace umma_linear {

// Four scales of w are a row's word, the scale of x fills one.
template <int32_t CTAS, int32_t MATRICES>
struct Mxfp4Scales {
  using Warp = ScaleWarp<CTAS>;
  static constexpr int32_t WARPS = CTAS, AHEAD = 4;
  const ue8m0_t* x_s;
  const GatheredRows<CTAS>& x;
  const ue8m0_t* w_s[MATRICES];
  int32_t N, K;

  struct Rows {
    ScaleRows<uint32_t> w[MATRICES];
    ScaleRows<uint8_t> x;
  };
  struct Words {
    ScaleWords w[MATRICES], x;
  };
  __device__ __forceinline__ Rows begin(const Tile& t, uint32_t thread) const {
    const int32_t row = Warp::first_row(thread), n_w = Warp::has_w(thread) ? t.w_rows : 0;
    const int64_t n_block = K / 128, first = (int64_t(t.matrix) * N + t.n0) * n_block;
    Rows rows;
#pragma unroll
    for (int32_t a = 0; a < MATRICES; ++a) {
      const uint32_t* of = reinterpret_cast<const uint32_t*>(w_s[a]) + first;
      rows.w[a] = ScaleRows<uint32_t>::of(row, [&](int32_t r) { return r < n_w ? of + r * n_block : nullptr; });
    }
    rows.x = ScaleRows<uint8_t>::of(row, [&](int32_t r) { return r < t.rows ? x_s + x.source(t.m0 + r) * n_block : nullptr; });
    return rows;
  }
  __device__ __forceinline__ Words load(const Rows& r, int32_t block) const {
    Words v;
#pragma unroll
    for (int32_t a = 0; a < MATRICES; ++a) v.w[a] = r.w[a].load(block);
    v.x = r.x.load_repeated(block);
    return v;
  }
  __device__ __forceinline__ void put(const Words& v, uint8_t*, uint8_t* atoms, uint32_t thread) const {
    const uint32_t lane = Warp::lane(thread);
    if (Warp::has_w(thread)) {
#pragma unroll
      for (int32_t a = 0; a < MATRICES; ++a) v.w[a].put(atoms + a * plan::SCALE_ATOM, lane);
    }
    v.x.put(atoms + (MATRICES + Warp::atom(thread)) * plan::SCALE_ATOM, lane);
  }
};

// 256 of K a stage are four scale atoms an operand.
template <int32_t CTAS, int32_t MATRICES>
struct Nvfp4Scales {
  using Warp = ScaleWarp<CTAS>;
  static constexpr int32_t WARPS = CTAS, AHEAD = 2, ATOMS = plan::NVFP4.w_atoms;
  const e4m3_t* x_s;
  const e4m3_t* w_s[MATRICES];
  int32_t N, K;

  struct Rows {
    ScaleRows<uint32_t> w[MATRICES], x;
  };
  struct Words {
    ScaleWords w[MATRICES][ATOMS], x[ATOMS];
  };
  __device__ __forceinline__ Rows begin(const Tile& t, uint32_t thread) const {
    const int32_t row = Warp::first_row(thread), n_w = Warp::has_w(thread) ? t.w_rows : 0;
    const int64_t n_word = K / 64, first = (int64_t(t.matrix) * N + t.n0) * n_word;
    Rows rows;
#pragma unroll
    for (int32_t a = 0; a < MATRICES; ++a) {
      const uint32_t* of = reinterpret_cast<const uint32_t*>(w_s[a]) + first;
      rows.w[a] = ScaleRows<uint32_t>::of(row, [&](int32_t r) { return r < n_w ? of + r * n_word : nullptr; });
    }
    const uint32_t* of = reinterpret_cast<const uint32_t*>(x_s) + t.m0 * n_word;
    rows.x = ScaleRows<uint32_t>::of(row, [&](int32_t r) { return r < t.rows ? of + r * n_word : nullptr; });
    return rows;
  }
  // The words of a row's four atoms, in one piece where the rows allow it. Beyond K both operands are zeros.
  __device__ __forceinline__ void load(ScaleWords (&v)[ATOMS], const ScaleRows<uint32_t>& rows, int32_t k) const {
    const int32_t n_word = K / 64;
#pragma unroll
    for (int32_t q = 0; q < 4; ++q) {
      uint4 words = {0, 0, 0, 0};
      if (const uint32_t* row = rows.row[q]) {
        row += ATOMS * k;
        if (n_word % ATOMS == 0)
          words = *reinterpret_cast<const uint4*>(row);
        else
          words = {row[0], ATOMS * k + 1 < n_word ? row[1] : 0, ATOMS * k + 2 < n_word ? row[2] : 0, ATOMS * k + 3 < n_word ? row[3] : 0};
      }
      v[0].of_row[q] = words.x, v[1].of_row[q] = words.y, v[2].of_row[q] = words.z, v[3].of_row[q] = words.w;
    }
  }
  __device__ __forceinline__ Words load(const Rows& r, int32_t k) const {
    Words v;
#pragma unroll
    for (int32_t a = 0; a < MATRICES; ++a) load(v.w[a], r.w[a], k);
    load(v.x, r.x, k);
    return v;
  }
  __device__ __forceinline__ void put(const Words& v, uint8_t*, uint8_t* atoms, uint32_t thread) const {
    const uint32_t lane = Warp::lane(thread);
#pragma unroll
    for (int32_t a = 0; a < ATOMS; ++a) {
      if (Warp::has_w(thread)) {
#pragma unroll
        for (int32_t m = 0; m < MATRICES; ++m) v.w[m][a].put(atoms + (m * ATOMS + a) * plan::SCALE_ATOM, lane);
      }
      v.x[a].put(atoms + (MATRICES * ATOMS + CTAS * a + Warp::atom(thread)) * plan::SCALE_ATOM, lane);
    }
  }
};

}  // namespace umma_linear
