// The 64 x 64 tile of a group's y = a wT with bf16 rows and e4m3 weights, shared by grouped_linear_fp8w and the fusion of it.
#pragma once
#include "kernels/common/gemm_narrow.cuh"

namespace gemm::fp8w {

constexpr int G = 16;  // one 16-byte load of weights a lane

struct Product {
  const bf16_t* a;
  const e4m3_t* w;
  const ue8m0_t* w_s;
  int M, n_group, N, K;
};
// Where the tile goes: its first element, and elements from one row to the next.
struct Out {
  bf16_t* first;
  int64_t stride;
};

union Smem {
  struct {
    TileA<G> a;
    float scale[2][B_N];  // w_s of the step, by column: a tile may straddle two 128-row blocks of w
  };
  Partial partial;
};

// Sixteen codes of a lane as two chunks of a fragment.
__device__ __forceinline__ void widen(const uint4& codes, uint32_t (&first)[4], uint32_t (&second)[4]) {
  mma::bf16_from_e4m3x4(codes.x, first[0], first[1]);
  mma::bf16_from_e4m3x4(codes.y, first[2], first[3]);
  mma::bf16_from_e4m3x4(codes.z, second[0], second[1]);
  mma::bf16_from_e4m3x4(codes.w, second[2], second[3]);
}

template <bool VEC>
__device__ __forceinline__ void tile(const Product& p, Out y, int group, Tile at, Smem& smem) {
  const Lane lane;
  const int tid = threadIdx.x;
  const int m0 = at.m * B_M, column0 = at.n * B_N, n0 = column0 + lane.warp * 8 * N_TILES;
  const int rows = min(B_M, p.M - m0);
  const int n_block = (p.K + B_K - 1) / B_K;

  const uint8_t* w_row[N_TILES];
#pragma unroll
  for (int t = 0; t < N_TILES; ++t)
    w_row[t] = p.w + (int64_t(group) * p.N + min(n0 + 8 * t + lane.r, p.N - 1)) * p.K;
  const int64_t a_stride = int64_t(p.n_group) * p.K;
  // this thread stages rows tid / 16 + 8 i
  const bf16_t* a_row = p.a + (m0 + tid / 16) * a_stride + int64_t(group) * p.K;
  const int64_t scale_row = (int64_t(group) * p.N + min(column0 + tid, p.N - 1)) / 128;

  float acc[M_TILES][N_TILES][4] = {};
  for (int block = 0; block < n_block; ++block) {
    const int k0 = block * B_K, buffer = block & 1;

    // load: weights of the step
    uint4 raw[N_TILES][2];
#pragma unroll
    for (int t = 0; t < N_TILES; ++t)
#pragma unroll
      for (int h = 0; h < 2; ++h) raw[t][h] = load_e4m3x16<VEC>(w_row[t], k0 + lane_k<G>(2 * h, lane.q), p.K);

    // stage: a and w_s
#pragma unroll
    for (int i = 0; i < B_M / 8; ++i)
      if (tid / 16 + 8 * i < rows)
        smem.a.put(buffer, tid / 16 + 8 * i, tid % 16,
                   load_bf16x8<VEC>(a_row + 8 * i * a_stride, k0 + 8 * (tid % 16), p.K));
    if (tid < B_N) smem.scale[buffer][tid] = ue8m0_to_f32(p.w_s[scale_row * n_block + block]);
    __syncthreads();

    // mma: dot = sum over the block of a w; acc += dot * w_s
    uint32_t b[N_TILES][CHUNKS][4];
#pragma unroll
    for (int t = 0; t < N_TILES; ++t)
#pragma unroll
      for (int h = 0; h < 2; ++h) widen(raw[t][h], b[t][2 * h], b[t][2 * h + 1]);
    float2 s[N_TILES];
#pragma unroll
    for (int t = 0; t < N_TILES; ++t)
      s[t] = *reinterpret_cast<const float2*>(&smem.scale[buffer][n0 - column0 + 8 * t + 2 * lane.q]);
#pragma unroll
    for (int i = 0; i < M_TILES; ++i)
      if (16 * i < rows) {
        float dot[N_TILES][4];
        dot_block<G, true>(mma::Bf16{}, dot, smem.a, buffer, 16 * i + lane.r, rows, lane.q, b);
#pragma unroll
        for (int t = 0; t < N_TILES; ++t) {
          acc[i][t][0] += dot[t][0] * s[t].x;
          acc[i][t][1] += dot[t][1] * s[t].y;
          acc[i][t][2] += dot[t][2] * s[t].x;
          acc[i][t][3] += dot[t][3] * s[t].y;
        }
      }
  }

  // store: y = bf16(acc)
  store_tile(y.first, acc, 0, rows, p.N - column0, n0 - column0, y.stride, lane);
}

__device__ __forceinline__ void narrow(const Product& p, Out y, int group, Tile at, Smem& smem) {
  const Lane lane;
  const int column0 = at.n * B_N, n_block = (p.K + B_K - 1) / B_K;
  const int64_t w_row0 = int64_t(group) * p.N;
  const bf16_t* a_lo = p.a + (int64_t(low_row(lane, p.M)) * p.n_group + group) * p.K;
  const bf16_t* a_hi = p.a + (int64_t(high_row(lane, p.M)) * p.n_group + group) * p.K;
  // the tile's 64 rows of w lie in at most two scale blocks: columns from `split` on in the second
  const int64_t block0 = (w_row0 + column0) / 128, last = (w_row0 + p.N - 1) / 128;
  const uint8_t* scale0 = p.w_s + block0 * n_block;
  const uint8_t* scale1 = p.w_s + min(block0 + 1, last) * n_block;
  const int split = int((block0 + 1) * 128 - w_row0 - column0);

  Narrow acc = {};
  for (int k0 = lane.warp * NARROW_K; k0 < p.K; k0 += N_WARP * NARROW_K) {
    // load
    const int k = k0 + lane_k<G>(0, lane.q), block = k0 / B_K;
    uint4 w[NARROW_TILES];
#pragma unroll
    for (int t = 0; t < NARROW_TILES; ++t)
      w[t] = load_e4m3x16<true>(p.w + (w_row0 + min(column0 + 8 * t + lane.r, p.N - 1)) * p.K, k, p.K);
    Fragment lo, hi;
#pragma unroll
    for (int j = 0; j < NARROW_CHUNKS; ++j) {
      as_chunk(load_bf16x8<true>(a_lo, k + 8 * j, p.K), lo[j]);
      as_chunk(load_bf16x8<true>(a_hi, k + 8 * j, p.K), hi[j]);
    }
    const float s0 = ue8m0_to_f32(scale0[block]), s1 = ue8m0_to_f32(scale1[block]);

    // mma: dot = sum over half a block of a w; acc += dot * w_s
#pragma unroll
    for (int t = 0; t < NARROW_TILES; ++t) {
      Fragment b;
      widen(w[t], b[0], b[1]);
      float dot[4];
      multiply_row<true>(mma::Bf16{}, dot, lo, hi, b);
      const float even = 8 * t + 2 * lane.q < split ? s0 : s1, odd = 8 * t + 2 * lane.q + 1 < split ? s0 : s1;
      acc[t][0] += dot[0] * even;
      acc[t][1] += dot[1] * odd;
      acc[t][2] += dot[2] * even;
      acc[t][3] += dot[3] * odd;
    }
  }

  // store: y = bf16(acc)
  finish(acc, smem.partial, y.first, 0, p.M, p.N - column0, 0, y.stride, lane);
}

__device__ __forceinline__ void run(const Product& p, Out y, int group, Tile at, Smem& smem) {
  const bool vec = p.K % 16 == 0 && mma::aligned(p.a, 16) && mma::aligned(p.w, 16);
  if (!vec)
    tile<false>(p, y, group, at, smem);
  else if (p.M > NARROW_ROWS)
    tile<true>(p, y, group, at, smem);
  else
    narrow(p, y, group, at, smem);
}

}  // namespace gemm::fp8w
