// The tile that all linears share: 64 rows x 64 columns x 128 of K a step, four warps side by side over the
// columns.
//
//   A   64 x 128, widened once a CTA to 16 bits, in shared memory (two buffers, so one barrier a step).
//   B   16 columns a warp, straight from global memory into fragments: a weight is read and widened by one
//   lane only.
//
// A lane (r = lane / 4, q = lane % 4) owns columns 8t + r of B and, of each step, 32 values of k in four
// chunks of eight: chunk j starts at k = lane_k<G>(j, q). G is how many consecutive k it owns: 16 (one
// 16-byte load of e4m3) or 8 (one of bf16). Rows of A beyond the matrix are not staged; their lanes read the
// last row again and nothing of theirs is stored.
#pragma once
#include "kernels/common/mma.cuh"

namespace gemm {

constexpr int B_M = 64, B_N = 64, B_K = 128, N_WARP = 4, THREADS = 32 * N_WARP;
constexpr int M_TILES = B_M / 16, N_TILES = B_N / N_WARP / 8, CHUNKS = B_K / 32;

// Which tile of y a CTA takes.
struct Tile {
  int n, m;
};

template <int G>
__device__ __forceinline__ int lane_k(int j, int q) {
  static_assert(G == 16 || G == 8, "a lane owns one or two chunks in a row");
  return G == 16 ? 64 * (j / 2) + 16 * q + 8 * (j % 2) : 32 * j + 8 * q;
}

template <int G>
struct TileA {
  // Eight lanes (two rows, four q) read 16 bytes each in one phase: the pad moves the second row to the banks
  // that the first leaves free.
  static constexpr int STRIDE = 2 * B_K + (G == 16 ? 16 : 64);
  uint4 bytes[2][B_M * STRIDE / 16];

  // Stores eight widened values of k = 8 * chunk .. + 7.
  __device__ __forceinline__ void put(int buffer, int row, int chunk, uint4 v) {
    bytes[buffer][row * (STRIDE / 16) + chunk] = v;
  }
};

// What a lane is.
struct Lane {
  int warp, r, q;
  __device__ __forceinline__ Lane() : warp(threadIdx.x / 32), r(threadIdx.x % 32 / 4), q(threadIdx.x % 4) {}
};

// dot (+)= 16 rows of A x 8 columns, over chunk j. `lo` and `hi` hold the chunk of rows r and r + 8.
template <bool FIRST, class Kind>
__device__ __forceinline__ void multiply_chunk(Kind kind, float (&dot)[4], const uint4& lo, const uint4& hi,
                                               const uint32_t (&b)[4]) {
  if constexpr (FIRST)
    mma::m16n8k16_start(kind, dot, lo.x, hi.x, lo.y, hi.y, b[0], b[1]);
  else
    mma::m16n8k16(kind, dot, lo.x, hi.x, lo.y, hi.y, b[0], b[1]);
  mma::m16n8k16(kind, dot, lo.z, hi.z, lo.w, hi.w, b[2], b[3]);
}

// Chunk j of row `row` (clamped to the staged rows) for this lane.
template <int G>
__device__ __forceinline__ const uint4& chunk_of(const TileA<G>& a, int buffer, int row, int rows, int q,
                                                 int j) {
  const int last = row < rows ? row : rows - 1;
  return a.bytes[buffer][last * (TileA<G>::STRIDE / 16) + lane_k<G>(j, q) / 8];
}

// dot (START: =, else +=) 16 rows of A x the warp's columns over the whole step. `row` is r of the m16 tile.
template <int G, bool START, class Kind>
__device__ __forceinline__ void dot_block(Kind kind, float (&dot)[N_TILES][4], const TileA<G>& a, int buffer,
                                          int row, int rows, int q, const uint32_t (&b)[N_TILES][CHUNKS][4]) {
#pragma unroll
  for (int j = 0; j < CHUNKS; ++j) {
    const uint4 lo = chunk_of(a, buffer, row, rows, q, j), hi = chunk_of(a, buffer, row + 8, rows, q, j);
#pragma unroll
    for (int t = 0; t < N_TILES; ++t)
      if (START && j == 0)
        multiply_chunk<true>(kind, dot[t], lo, hi, b[t][j]);
      else
        multiply_chunk<false>(kind, dot[t], lo, hi, b[t][j]);
  }
}

// --- loads of a row that may be ragged
// ----------------------------------------------------------------------------------- VEC: every row starts
// on a load's boundary and K is a multiple of its elements. Elements at or beyond `K` read as zero. The other
// path is a fallback and stays small: its loops are not unrolled.

template <bool VEC>
__device__ __forceinline__ uint4 load_e4m3x16(const uint8_t* row, int k, int K) {
  uint32_t w[4] = {0, 0, 0, 0};
  if constexpr (VEC) {
    if (k < K) return *reinterpret_cast<const uint4*>(row + k);
  } else {
#pragma unroll
    for (int word = 0; word < 4; ++word)
#pragma unroll 1
      for (int i = 0; i < min(4, K - k - 4 * word); ++i)
        w[word] |= uint32_t(row[k + 4 * word + i]) << (8 * i);
  }
  return {w[0], w[1], w[2], w[3]};
}

template <bool VEC>
__device__ __forceinline__ uint2 load_e4m3x8(const uint8_t* row, int k, int K) {
  uint32_t w[2] = {0, 0};
  if constexpr (VEC) {
    if (k < K) return *reinterpret_cast<const uint2*>(row + k);
  } else {
#pragma unroll
    for (int word = 0; word < 2; ++word)
#pragma unroll 1
      for (int i = 0; i < min(4, K - k - 4 * word); ++i)
        w[word] |= uint32_t(row[k + 4 * word + i]) << (8 * i);
  }
  return {w[0], w[1]};
}

template <bool VEC>
__device__ __forceinline__ uint4 load_bf16x8(const bf16_t* row, int k, int K) {
  uint32_t w[4] = {0, 0, 0, 0};
  if constexpr (VEC) {
    if (k < K) return *reinterpret_cast<const uint4*>(row + k);
  } else {
    const uint16_t* bits = reinterpret_cast<const uint16_t*>(row);
#pragma unroll
    for (int i = 0; i < 8; ++i)
      if (k + i < K) w[i / 2] |= uint32_t(bits[k + i]) << (16 * (i % 2));
  }
  return {w[0], w[1], w[2], w[3]};
}

// Eight e2m1 codes of k .. k + 7 of the row that starts at element `row` of a packed matrix (an odd K starts
// rows in mid-byte).
template <bool VEC>
__device__ __forceinline__ uint32_t load_e2m1x8(const uint8_t* matrix, int64_t row, int k, int K) {
  uint32_t w = 0;
  if constexpr (VEC) {
    if (k < K) w = *reinterpret_cast<const uint32_t*>(matrix + ((row + k) >> 1));
  } else {
#pragma unroll 1
    for (int i = 0; i < min(8, K - k); ++i) {
      const int64_t e = row + k + i;
      w |= ((uint32_t(matrix[e >> 1]) >> (4 * int(e & 1))) & 15u) << (4 * i);
    }
  }
  return w;
}

// --- stores

// Two neighbouring results of a row; `paired` when N is even and rows start on a pair.
template <class T>
__device__ __forceinline__ void store_pair(T* row, int n, int N, bool paired, float v0, float v1) {
  constexpr bool BF16 = sizeof(T) == 2;
  if (paired) {
    if (n < N) {
      if constexpr (BF16)
        *reinterpret_cast<__nv_bfloat162*>(row + n) = __floats2bfloat162_rn(v0, v1);
      else
        *reinterpret_cast<float2*>(row + n) = make_float2(v0, v1);
    }
  } else {
    if (n < N) row[n] = T(v0);
    if (n + 1 < N) row[n + 1] = T(v1);
  }
}

// The accumulators of a warp: rows row0 .. row0 + rows - 1, columns n0 .. of a matrix with `stride` columns,
// of which those at or beyond N belong to others.
template <int TILES, class T>
__device__ __forceinline__ void store_tile(T* y, const float (&acc)[TILES][N_TILES][4], int64_t row0,
                                           int rows, int N, int n0, int64_t stride, const Lane& lane) {
  const bool paired = stride % 2 == 0 && N % 2 == 0 && mma::aligned(y, 2 * sizeof(T));
#pragma unroll
  for (int i = 0; i < TILES; ++i)
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int row = 16 * i + lane.r + 8 * half;
      if (row < rows)
#pragma unroll
        for (int t = 0; t < N_TILES; ++t)
          store_pair(y + (row0 + row) * stride, n0 + 8 * t + 2 * lane.q, N, paired, acc[i][t][2 * half],
                     acc[i][t][2 * half + 1]);
    }
}

}  // namespace gemm
