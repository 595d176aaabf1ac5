// Which tiles a product on tcgen05 has, and how a stage of their operands is copied. A schedule says
//
//   prefetch  of its tensor maps, by one thread; setup: by all threads. A barrier follows
//   n_tile    tiles of the product; CTAs take them in turn
//   at        the tile of a number
//   rows      what a lane of the loading warp keeps of a tile, to copy its tokens
//   x_rows    rows of x that arrive in each stage of a tile
//   load_w    a matrix of those that a stage holds, by one lane; `Hear` says whose barrier hears of it. load_x: the whole warp
//
// A tile is one of an instruction's CTAS: of a pair each CTA has its own rows of w, all tokens' sums, and x of half the instruction's N.
#pragma once
#include "kernels/common/umma_ctas.cuh"

namespace umma_linear {

struct Tile {
  int32_t n0, m0;  // first row of w within its matrix, first token
  int32_t w_rows;  // of the matrix from n0 on; a pair's second CTA may have none
  int32_t rows;    // tokens
  int32_t group;   // or expert
  int32_t matrix;  // of w
};

// Rows of x that the instruction takes of this CTA, and the first of them.
template <int32_t CTAS>
__device__ __forceinline__ int32_t x_width(const plan::Linear& l, const Tile& t) {
  return l.width(t.rows) / CTAS;
}
template <int32_t CTAS>
__device__ __forceinline__ int32_t x_begin(const plan::Linear& l, const Tile& t) {
  return t.m0 + Ctas<CTAS>::side() * x_width<CTAS>(l, t);
}
template <int32_t CTAS>
__device__ __forceinline__ int32_t w_begin(int32_t tile) {
  return (CTAS * tile + Ctas<CTAS>::side()) * plan::W_ROWS;
}

// Maps of the matrices of w that a stage holds.
template <int32_t MATRICES>
struct WeightMaps {
  const TensorMap* of[MATRICES];

  __device__ __forceinline__ void prefetch() const {
#pragma unroll
    for (int32_t a = 0; a < MATRICES; ++a) ptx::prefetch_map(of[a]);
  }
};

// M tokens in each of n_group groups. Tiles of the same weights follow one another.
template <int32_t CTAS, int32_t MATRICES = 1>
struct Groups {
  WeightMaps<MATRICES> w;  // [K, n_group N]
  const TensorMap& x;      // [K, n_group, M]
  plan::Linear l;
  int32_t M, n_group;

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
    const int32_t n_m = plan::div_up(M, l.tokens), n_n = plan::w_tiles(l.N, CTAS);
    const int32_t j = i / n_m, m0 = i % n_m * l.tokens, g = j / n_n;
    const int32_t n0 = w_begin<CTAS>(j % n_n);
    return {n0, m0, l.N - n0, min(l.tokens, M - m0), g, g};
  }
  __device__ __forceinline__ Rows rows(const Tile&, uint32_t) const { return {ptx::elect_one()}; }
  __device__ __forceinline__ int32_t x_rows(const Tile&) const { return l.x_rows(); }
  template <class Hear>
  __device__ __forceinline__ void load_w(Hear, int32_t a, uint32_t to, uint64_t* bar, const Tile& t, int32_t k) const {
    Hear::load_2d(to, w.of[a], bar, k, t.matrix * l.N + t.n0);
  }
  __device__ __forceinline__ void load_x(uint32_t to, uint64_t* bar, const Tile& t, const Rows& r, int32_t k) const {
    if (r.mine) Ctas<CTAS>::load_3d(to, &x, bar, k, t.group, x_begin<CTAS>(l, t));
  }
};

// One group, without its dimension in the map of x.
template <int32_t CTAS, int32_t MATRICES = 1>
struct Dense : Groups<CTAS, MATRICES> {
  __device__ __forceinline__ Dense(const WeightMaps<MATRICES>& w, const TensorMap& x, const plan::Linear& l, int32_t M)
      : Groups<CTAS, MATRICES>{w, x, l, M, 1} {}
  __device__ __forceinline__ void load_x(uint32_t to, uint64_t* bar, const Tile& t, const typename Dense::Rows& r, int32_t k) const {
    if (r.mine) Ctas<CTAS>::load_2d(to, &this->x, bar, k, x_begin<CTAS>(this->l, t));
  }
};

// The tokens of an expert lie in rows that follow one another; a tile's last rows may be the next expert's, whose results it leaves alone.
template <int32_t CTAS>
struct RowsInOrder {
  const TensorMap& map;  // [K, n_row]

  struct Rows {
    bool mine;
  };
  __device__ __forceinline__ Rows rows(const plan::Linear&, const Tile&, uint32_t) const { return {ptx::elect_one()}; }
  __device__ __forceinline__ int32_t x_rows(const plan::Linear& l, const Tile&) const { return l.x_rows(); }
  __device__ __forceinline__ void load(uint32_t to, uint64_t* bar, const plan::Linear& l, const Tile& t, const Rows& r, int32_t k) const {
    if (r.mine) Ctas<CTAS>::load_2d(to, &map, bar, k, x_begin<CTAS>(l, t));
  }
};

// The tokens of an expert lie anywhere: a lane gathers four.
template <int32_t CTAS>
struct GatheredRows {
  const TensorMap& map;    // [K, n_src], a box of one row
  const int32_t* src_row;  // null: row i is row i

  struct Rows {
    int4 row;
    bool mine;
  };
  __device__ __forceinline__ int32_t source(int32_t row) const { return src_row ? src_row[row] : row; }
  __device__ __forceinline__ Rows rows(const plan::Linear& l, const Tile& t, uint32_t lane) const {
    const int32_t first = x_begin<CTAS>(l, t) + 4 * lane;
    int32_t row[4];
#pragma unroll
    for (int32_t j = 0; j < 4; ++j) row[j] = first + j < t.m0 + t.rows ? source(first + j) : -1;  // outside of the tensor: zeros
    return {{row[0], row[1], row[2], row[3]}, 4 * lane < x_width<CTAS>(l, t)};
  }
  __device__ __forceinline__ int32_t x_rows(const plan::Linear& l, const Tile& t) const { return x_width<CTAS>(l, t); }
  __device__ __forceinline__ void load(uint32_t to, uint64_t* bar, const plan::Linear&, const Tile&, const Rows& r, int32_t k) const {
    if (r.mine) Ctas<CTAS>::gather4(to + threadIdx.x % 32 * 4 * plan::ROW_BYTES, &map, bar, k, r.row);
  }
};

// Experts with any load: offset[e] .. offset[e + 1] - 1 are the rows of expert e. In shared memory lies how many row tiles the experts
// before e have. Tiles of the same weights follow one another.
template <int32_t CTAS, class X, int32_t MATRICES = 1>
struct Experts {
  WeightMaps<MATRICES> w;  // [K, N, n_slot]
  X x;
  plan::Linear l;
  const int32_t *offset, *expert_slot;
  int32_t n_expert, n_slot;
  const uint32_t* before = nullptr;  // [n_expert + 1]

  using Rows = typename X::Rows;

  __device__ __forceinline__ void prefetch() const {
    w.prefetch();
    ptx::prefetch_map(&x.map);
  }
  __device__ __forceinline__ void setup(uint32_t* table) {
    before = table;
    for (int32_t e = threadIdx.x; e < n_expert; e += blockDim.x) table[e] = plan::div_up(offset[e + 1] - offset[e], l.tokens);
    __syncthreads();
    if (threadIdx.x < 32) {  // a lane adds up the experts of its share, then what the lanes before it have
      const int32_t share = plan::div_up(n_expert, 32), begin = threadIdx.x * share, end = min(begin + share, n_expert);
      uint32_t own = 0;
      for (int32_t e = begin; e < end; ++e) own += table[e];
      uint32_t sum = own;
#pragma unroll
      for (uint32_t d = 1; d < 32; d *= 2) {
        const uint32_t v = __shfl_up_sync(0xffffffff, sum, d);
        if (threadIdx.x >= d) sum += v;
      }
      if (threadIdx.x == 31) table[n_expert] = sum;
      sum -= own;
      for (int32_t e = begin; e < end; ++e) {
        const uint32_t n = table[e];
        table[e] = sum;
        sum += n;
      }
    }
  }
  __device__ __forceinline__ uint32_t n_tile() const { return before[n_expert] * plan::w_tiles(l.N, CTAS); }

  // A row whose expert has no resident weights is a fault of the caller that must not pass for a number.
  __device__ __forceinline__ Tile at(uint32_t i) const {
    const uint32_t n_n = plan::w_tiles(l.N, CTAS), m = i / n_n;
    int32_t e = 0;
    for (int32_t end = n_expert; end - e > 1;) {  // before[e] <= m < before[end]
      const int32_t middle = (e + end) / 2;
      (before[middle] <= m ? e : end) = middle;
    }
    const uint32_t n_m = before[e + 1] - before[e], j = i - before[e] * n_n;
    const int32_t n0 = w_begin<CTAS>(j / n_m), m0 = offset[e] + j % n_m * l.tokens, slot = expert_slot[e];
    if (slot < 0 || slot >= n_slot) asm volatile("trap;");
    return {n0, m0, l.N - n0, min(l.tokens, offset[e + 1] - m0), e, slot};
  }
  __device__ __forceinline__ Rows rows(const Tile& t, uint32_t lane) const { return x.rows(l, t, lane); }
  __device__ __forceinline__ int32_t x_rows(const Tile& t) const { return x.x_rows(l, t); }
  template <class Hear>
  __device__ __forceinline__ void load_w(Hear, int32_t a, uint32_t to, uint64_t* bar, const Tile& t, int32_t k) const {
    Hear::load_3d(to, w.of[a], bar, k, t.n0, t.matrix);
  }
  __device__ __forceinline__ void load_x(uint32_t to, uint64_t* bar, const Tile& t, const Rows& r, int32_t k) const {
    x.load(to, bar, l, t, r, k);
  }
};

}  // namespace umma_linear
