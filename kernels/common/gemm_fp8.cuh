// The 64 x 64 tile of y = a wT with e4m3 operands and power-of-two scales, shared by linear_fp8 and the fusions of it.
#pragma once
#include "kernels/common/gemm_narrow.cuh"

namespace gemm::fp8 {

constexpr int G = 16;  // one 16-byte load a lane

struct Product {
  const e4m3_t* a;
  const ue8m0_t* a_s;
  const e4m3_t* w;
  const ue8m0_t* w_s;
  bf16_t* y;
  int M, N, K;
};
union Smem {
  struct {
    TileA<G> a;
    float scale[2][B_M];  // a_s * w_s of the step
  };
  Partial partial;
};

// Sixteen codes of a lane as two chunks of a fragment.
__device__ __forceinline__ void widen(const uint4& codes, uint32_t (&first)[4], uint32_t (&second)[4]) {
  mma::f16_from_e4m3x4(codes.x, first[0], first[1]);
  mma::f16_from_e4m3x4(codes.y, first[2], first[3]);
  mma::f16_from_e4m3x4(codes.z, second[0], second[1]);
  mma::f16_from_e4m3x4(codes.w, second[2], second[3]);
}

__device__ __forceinline__ void narrow(const Product& p, Tile at, Smem& smem) {
  const Lane lane;
  const int column0 = at.n * B_N, n_block = (p.K + B_K - 1) / B_K;
  const int row_lo = low_row(lane, p.M), row_hi = high_row(lane, p.M);
  const uint8_t* a_lo = p.a + int64_t(row_lo) * p.K;
  const uint8_t* a_hi = p.a + int64_t(row_hi) * p.K;
  const uint8_t* w_scale = p.w_s + int64_t(column0 / 128) * n_block;

  Narrow acc = {};
  for (int k0 = lane.warp * NARROW_K; k0 < p.K; k0 += N_WARP * NARROW_K) {
    // load
    const int k = k0 + lane_k<G>(0, lane.q), block = k0 / B_K;
    uint4 w[NARROW_TILES];
#pragma unroll
    for (int t = 0; t < NARROW_TILES; ++t)
      w[t] = load_e4m3x16<true>(p.w + int64_t(min(column0 + 8 * t + lane.r, p.N - 1)) * p.K, k, p.K);
    const uint4 lo_codes = load_e4m3x16<true>(a_lo, k, p.K), hi_codes = load_e4m3x16<true>(a_hi, k, p.K);
    const float w_s = ue8m0_to_f32(w_scale[block]);
    const float s_lo = ue8m0_to_f32(p.a_s[int64_t(row_lo) * n_block + block]) * w_s;
    const float s_hi = ue8m0_to_f32(p.a_s[int64_t(row_hi) * n_block + block]) * w_s;

    // mma: dot = sum over half a block of a w; acc += dot * a_s * w_s
    Fragment lo, hi;
    widen(lo_codes, lo[0], lo[1]);
    widen(hi_codes, hi[0], hi[1]);
#pragma unroll
    for (int t = 0; t < NARROW_TILES; ++t) {
      Fragment b;
      widen(w[t], b[0], b[1]);
      float dot[4];
      multiply_row<true>(mma::F16{}, dot, lo, hi, b);
      acc[t][0] += dot[0] * s_lo;
      acc[t][1] += dot[1] * s_lo;
      acc[t][2] += dot[2] * s_hi;
      acc[t][3] += dot[3] * s_hi;
    }
  }

  // store: y = bf16(acc)
  finish(acc, smem.partial, p.y, 0, p.M, p.N, column0, p.N, lane);
}

template <bool VEC>
__device__ __forceinline__ void tile(const Product& p, Tile at, Smem& smem) {
  const Lane lane;
  const int tid = threadIdx.x;
  const int m0 = at.m * B_M, n0 = at.n * B_N + lane.warp * 8 * N_TILES;
  const int rows = min(B_M, p.M - m0);
  const int n_block = (p.K + B_K - 1) / B_K;

  const uint8_t* w_row[N_TILES];
#pragma unroll
  for (int t = 0; t < N_TILES; ++t) w_row[t] = p.w + int64_t(min(n0 + 8 * t + lane.r, p.N - 1)) * p.K;
  const uint8_t* a_row = p.a + int64_t(m0 + tid / 8) * p.K;  // this thread stages rows tid / 8 + 16 i
  const uint8_t* w_scale = p.w_s + int64_t(at.n * B_N / 128) * n_block;

  float acc[M_TILES][N_TILES][4] = {};
  for (int block = 0; block < n_block; ++block) {
    const int k0 = block * B_K, buffer = block & 1;

    // load: weights of the step first, they come from farthest away
    uint4 raw[N_TILES][2];
#pragma unroll
    for (int t = 0; t < N_TILES; ++t)
#pragma unroll
      for (int h = 0; h < 2; ++h) raw[t][h] = load_e4m3x16<VEC>(w_row[t], k0 + lane_k<G>(2 * h, lane.q), p.K);

    // stage: a widened, and a_s * w_s
#pragma unroll
    for (int i = 0; i < M_TILES; ++i)
      if (tid / 8 + 16 * i < rows) {
        const uint4 v = load_e4m3x16<VEC>(a_row + int64_t(16 * i) * p.K, k0 + 16 * (tid % 8), p.K);
        uint32_t h[2][4];
        widen(v, h[0], h[1]);
#pragma unroll
        for (int c = 0; c < 2; ++c)
          smem.a.put(buffer, tid / 8 + 16 * i, 2 * (tid % 8) + c, {h[c][0], h[c][1], h[c][2], h[c][3]});
      }
    if (tid < rows)
      smem.scale[buffer][tid] =
          ue8m0_to_f32(p.a_s[int64_t(m0 + tid) * n_block + block]) * ue8m0_to_f32(w_scale[block]);
    __syncthreads();

    // mma: dot = sum over the block of a w; acc += dot * a_s * w_s
    uint32_t b[N_TILES][CHUNKS][4];
#pragma unroll
    for (int t = 0; t < N_TILES; ++t)
#pragma unroll
      for (int h = 0; h < 2; ++h) widen(raw[t][h], b[t][2 * h], b[t][2 * h + 1]);
#pragma unroll
    for (int i = 0; i < M_TILES; ++i)
      if (16 * i < rows) {
        float dot[N_TILES][4];
        dot_block<G, true>(mma::F16{}, dot, smem.a, buffer, 16 * i + lane.r, rows, lane.q, b);
        const float s_lo = smem.scale[buffer][min(16 * i + lane.r, rows - 1)];
        const float s_hi = smem.scale[buffer][min(16 * i + lane.r + 8, rows - 1)];
#pragma unroll
        for (int t = 0; t < N_TILES; ++t) {
          acc[i][t][0] += dot[t][0] * s_lo;
          acc[i][t][1] += dot[t][1] * s_lo;
          acc[i][t][2] += dot[t][2] * s_hi;
          acc[i][t][3] += dot[t][3] * s_hi;
        }
      }
  }

  // store: y = bf16(acc)
  store_tile(p.y, acc, m0, rows, p.N, n0, p.N, lane);
}

__device__ __forceinline__ void run(const Product& p, Tile at, Smem& smem) {
  const bool vec = p.K % 16 == 0 && mma::aligned(p.a, 16) && mma::aligned(p.w, 16);
  if (!vec)
    tile<false>(p, at, smem);
  else if (p.M > NARROW_ROWS)
    tile<true>(p, at, smem);
  else
    narrow(p, at, smem);
}

}  // namespace gemm::fp8
