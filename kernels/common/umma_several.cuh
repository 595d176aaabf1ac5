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

// A schedule (umma_tiles.cuh) over MATRICES matrices. Tiles of the same weights follow one another.
template <int32_t MATRICES>
struct Several {
  const TensorMap* w[MATRICES];  // [K, N]
  int32_t N[MATRICES];
  const TensorMap& x;  // [K, M]
  plan::Linear l;      // of all of them
  int32_t M;

  struct Rows {
    bool mine;
  };

  __device__ __forceinline__ void prefetch() const {
#pragma unroll
    for (int32_t j = 0; j < MATRICES; ++j) ptx::prefetch_map(w[j]);
    ptx::prefetch_map(&x);
  }
  __device__ __forceinline__ void setup(uint32_t*) {}
  __device__ __forceinline__ uint32_t n_tile() const { return l.n_tile; }
  __device__ __forceinline__ Tile at(uint32_t i) const {
    const int32_t n_m = plan::div_up(M, l.tokens), m0 = i % n_m * l.tokens;
    int32_t n = i / n_m, matrix = 0;
#pragma unroll
    for (int32_t j = 0; j + 1 < MATRICES; ++j) {
      const int32_t n_n = plan::div_up(N[j], plan::W_ROWS);
      if (matrix == j && n >= n_n) n -= n_n, matrix = j + 1;
    }
    return {n * plan::W_ROWS, m0, min(l.tokens, M - m0), 0, matrix};
  }
  __device__ __forceinline__ Rows rows(const Tile&, uint32_t) const { return {ptx::elect_one()}; }
  __device__ __forceinline__ int32_t x_rows(const Tile&) const { return l.tokens; }
  __device__ __forceinline__ void load_w(uint32_t to, uint64_t* bar, const Tile& t, int32_t k) const {
    ptx::tma_load_2d(to, pick(w, t.matrix), bar, k, t.n0);
  }
  __device__ __forceinline__ void load_x(uint32_t to, uint64_t* bar, const Tile& t, const Rows& r, int32_t k) const {
    if (r.mine) ptx::tma_load_2d(to, &x, bar, k, t.m0);
  }
};

// A result of one matrix, f32 or rounded once to bf16. The rows of w that a tile has beyond the matrix are not stored: the plan of
// several matrices knows only the widest.
struct StoreEither {
  void* y;
  int32_t N;
  bool bf16;
  __device__ __forceinline__ void operator()(int32_t m, int32_t n, float v) const {
    if (n >= N) return;
    const int64_t at = int64_t(m) * N + n;
    if (bf16)
      static_cast<bf16_t*>(y)[at] = __float2bfloat16_rn(v);
    else
      static_cast<float*>(y)[at] = v;
  }
};

}  // namespace umma_linear
