// Matrices of one format on the same tokens: one product, whose tiles are numbered from matrix to matrix.
#pragma once
#include "kernels/common/umma_linear.cuh"

namespace umma_linear {

// Element i, without an index into registers.
template <class T, int32_t N>
__device__ __forceinline__ T pick(const T (&of)[N], int32_t i) {
  T v = of[0];
#pragma unroll
  for (int32_t j = 1; j < N; ++j)
    if (i == j) v = of[j];
  return v;
}

// A schedule (umma_tiles.cuh) over COUNT matrices, one of them a tile. Tiles of the same weights follow one another.
template <int32_t CTAS, int32_t COUNT>
struct Several {
  WeightMaps<COUNT> w;  // [K, N]
  int32_t N[COUNT];
  const TensorMap& x;  // [K, M]
  plan::Linear l;      // of all of them
  int32_t M;

  struct Rows {
    bool mine;
  };

  __device__ __forceinline__ void prefetch() const {
    w.prefetch();
    ptx::prefetch_map(&x);
  }
  __device__ __forceinline__ void setup(uint32_t*) {}
  __device__ __forceinline__ uint32_t n_tile() const { return l.n_tile; }
  __device__ __forceinline__ Tile at(uint32_t i) const {
    const int32_t n_m = plan::div_up(M, l.tokens), m0 = i % n_m * l.tokens;
    int32_t n = i / n_m, matrix = 0;
#pragma unroll
    for (int32_t j = 0; j + 1 < COUNT; ++j) {
      const int32_t n_n = plan::w_tiles(N[j], CTAS);
      if (matrix == j && n >= n_n) n -= n_n, matrix = j + 1;
    }
    const int32_t n0 = w_begin<CTAS>(n);
    return {n0, m0, pick(N, matrix) - n0, min(l.tokens, M - m0), 0, matrix};
  }
  __device__ __forceinline__ Rows rows(const Tile&, uint32_t) const { return {ptx::elect_one()}; }
  __device__ __forceinline__ int32_t x_rows(const Tile&) const { return l.x_rows(); }
  template <class Hear>
  __device__ __forceinline__ void load_w(Hear, int32_t, uint32_t to, uint64_t* bar, const Tile& t, int32_t k) const {
    Hear::load_2d(to, pick(w.of, t.matrix), bar, k, t.n0);
  }
  __device__ __forceinline__ void load_x(uint32_t to, uint64_t* bar, const Tile& t, const Rows& r, int32_t k) const {
    if (r.mine) Ctas<CTAS>::load_2d(to, &x, bar, k, x_begin<CTAS>(l, t));
  }
};

}  // namespace umma_linear
