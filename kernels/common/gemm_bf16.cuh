// The 64 x 64 tile of y = a wT with bf16 operands, shared by linear_bf16 and linear_f32 (they differ in the stored type) and the
// fusions of them.
#pragma once
#include "kernels/common/gemm_narrow.cuh"

namespace gemm::bf16 {

constexpr int G = 8;  // one 16-byte load a lane

template <class T>
struct Product {
  const bf16_t* a;
  const bf16_t* w;
  T* y;
  int M, N, K;
};

union Smem {
  TileA<G> a;
  Partial partial;
};

template <bool VEC, class T>
__device__ __forceinline__ void tile(const Product<T>& p, Tile at, Smem& smem) {
  const Lane lane;
  const int tid = threadIdx.x;
  const int m0 = at.m * B_M, n0 = at.n * B_N + lane.warp * 8 * N_TILES;
  const int rows = min(B_M, p.M - m0);

  const bf16_t* w_row[N_TILES];
#pragma unroll
  for (int t = 0; t < N_TILES; ++t) w_row[t] = p.w + int64_t(min(n0 + 8 * t + lane.r, p.N - 1)) * p.K;
  const bf16_t* a_row = p.a + int64_t(m0 + tid / 16) * p.K;  // this thread stages rows tid / 16 + 8 i

  float acc[M_TILES][N_TILES][4] = {};
  for (int k0 = 0, buffer = 0; k0 < p.K; k0 += B_K, buffer ^= 1) {
    // load: weights of the step
    uint32_t b[N_TILES][CHUNKS][4];
#pragma unroll
    for (int t = 0; t < N_TILES; ++t)
#pragma unroll
      for (int j = 0; j < CHUNKS; ++j) {
        const uint4 v = load_bf16x8<VEC>(w_row[t], k0 + lane_k<G>(j, lane.q), p.K);
        b[t][j][0] = v.x;
        b[t][j][1] = v.y;
        b[t][j][2] = v.z;
        b[t][j][3] = v.w;
      }

    // stage: a
#pragma unroll
    for (int i = 0; i < B_M / 8; ++i)
      if (tid / 16 + 8 * i < rows)
        smem.a.put(buffer, tid / 16 + 8 * i, tid % 16,
                 load_bf16x8<VEC>(a_row + int64_t(8 * i) * p.K, k0 + 8 * (tid % 16), p.K));
    __syncthreads();

    // mma: acc += sum over the step of a w
#pragma unroll
    for (int i = 0; i < M_TILES; ++i)
      if (16 * i < rows)
        dot_block<G, false>(mma::Bf16{}, acc[i], smem.a, buffer, 16 * i + lane.r, rows, lane.q, b);
  }

  // store: y = acc, rounded once when y is bf16
  store_tile(p.y, acc, m0, rows, p.N, n0, p.N, lane);
}

template <class T>
__device__ __forceinline__ void narrow(const Product<T>& p, Tile at, Smem& smem) {
  const Lane lane;
  const int column0 = at.n * B_N;
  const bf16_t* a_lo = p.a + int64_t(low_row(lane, p.M)) * p.K;
  const bf16_t* a_hi = p.a + int64_t(high_row(lane, p.M)) * p.K;

  Narrow acc = {};
  for (int k0 = lane.warp * NARROW_K; k0 < p.K; k0 += N_WARP * NARROW_K) {
    // load
    Fragment b[NARROW_TILES], lo, hi;
#pragma unroll
    for (int t = 0; t < NARROW_TILES; ++t) {
      const bf16_t* w_row = p.w + int64_t(min(column0 + 8 * t + lane.r, p.N - 1)) * p.K;
#pragma unroll
      for (int j = 0; j < NARROW_CHUNKS; ++j)
        as_chunk(load_bf16x8<true>(w_row, k0 + lane_k<G>(j, lane.q), p.K), b[t][j]);
    }
#pragma unroll
    for (int j = 0; j < NARROW_CHUNKS; ++j) {
      as_chunk(load_bf16x8<true>(a_lo, k0 + lane_k<G>(j, lane.q), p.K), lo[j]);
      as_chunk(load_bf16x8<true>(a_hi, k0 + lane_k<G>(j, lane.q), p.K), hi[j]);
    }
    // mma: acc += sum over the step of a w
#pragma unroll
    for (int t = 0; t < NARROW_TILES; ++t) multiply_row<false>(mma::Bf16{}, acc[t], lo, hi, b[t]);
  }

  // store: y = acc, rounded once when y is bf16
  finish(acc, smem.partial, p.y, 0, p.M, p.N, column0, p.N, lane);
}

template <class T>
__device__ __forceinline__ void run(const Product<T>& p, Tile at, Smem& smem) {
  const bool vec = p.K % 8 == 0 && mma::aligned(p.a, 16) && mma::aligned(p.w, 16);
  if (!vec)
    tile<false>(p, at, smem);
  else if (p.M > NARROW_ROWS)
    tile<true>(p, at, smem);
  else
    narrow(p, at, smem);
}

}  // namespace gemm::bf16
