// The tile of gemm.cuh for at most 16 rows (decoding, small experts). Here weights are the traffic and
// latency is the cost, so warps split K instead of the columns: each takes all 64 columns of every fourth
// step of 64 k, loads both operands straight into fragments and meets the others once, at the end. Nothing is
// staged, nothing waits at a barrier.
#pragma once
#include "kernels/common/gemm.cuh"

namespace gemm {

constexpr int NARROW_ROWS = 16;
constexpr int NARROW_TILES = B_N / 8;  // 8-column tiles of a warp
constexpr int NARROW_K = 64, NARROW_CHUNKS = NARROW_K / 32;

using Fragment = uint32_t[NARROW_CHUNKS][4];          // a lane's share of a row or column over a step
using Narrow = float[NARROW_TILES][4];                // accumulators of a lane
using Partial = float[N_WARP][4 * NARROW_TILES][32];  // accumulators of the CTA, 16 KB of shared memory

// Rows r and r + 8 of a 16-row tile that has `rows` (clamped: results of the others are not stored).
__device__ __forceinline__ int low_row(const Lane& lane, int rows) { return min(lane.r, rows - 1); }
__device__ __forceinline__ int high_row(const Lane& lane, int rows) { return min(lane.r + 8, rows - 1); }

// dot (START: =, else +=) 16 rows x 8 columns over a step, both operands in fragments.
template <bool START, class Kind>
__device__ __forceinline__ void multiply_row(Kind kind, float (&dot)[4], const Fragment& lo,
                                             const Fragment& hi, const Fragment& b) {
#pragma unroll
  for (int j = 0; j < NARROW_CHUNKS; ++j) {
    const uint4 l = {lo[j][0], lo[j][1], lo[j][2], lo[j][3]}, h = {hi[j][0], hi[j][1], hi[j][2], hi[j][3]};
    if (START && j == 0)
      multiply_chunk<true>(kind, dot, l, h, b[j]);
    else
      multiply_chunk<false>(kind, dot, l, h, b[j]);
  }
}

// Eight 16-bit values as one chunk of a fragment.
__device__ __forceinline__ void as_chunk(const uint4& v, uint32_t (&chunk)[4]) {
  chunk[0] = v.x;
  chunk[1] = v.y;
  chunk[2] = v.z;
  chunk[3] = v.w;
}

// y = sum over warps, in warp order. `partial` must be free; all threads of the CTA come here.
template <class T>
__device__ __forceinline__ void finish(const Narrow& acc, Partial& partial, T* y, int64_t row0, int rows,
                                       int N, int column0, int64_t stride, const Lane& lane) {
  const int id = threadIdx.x % 32;
#pragma unroll
  for (int t = 0; t < NARROW_TILES; ++t)
#pragma unroll
    for (int c = 0; c < 4; ++c) partial[lane.warp][4 * t + c][id] = acc[t][c];
  __syncthreads();
  float sum[1][N_TILES][4];
#pragma unroll
  for (int t = 0; t < N_TILES; ++t)
#pragma unroll
    for (int c = 0; c < 4; ++c) {
      const int i = 4 * (N_TILES * lane.warp + t) + c;
      sum[0][t][c] = (partial[0][i][id] + partial[1][i][id]) + (partial[2][i][id] + partial[3][i][id]);
    }
  static_assert(N_WARP == 4, "the sum above names four warps");
  store_tile(y, sum, row0, rows, N, column0 + 8 * N_TILES * lane.warp, stride, lane);
}

}  // namespace gemm
