// expert_linear_nvfp4: the rows of each expert times its weights, both NVFP4 (e2m1, e4m3 scale a 16, one
// float32 scale on top).
//
//   y[i][n] = bf16((sum over 16-blocks b of K of dot[b] * a_s[i][b] * w_s[slot e][n][b])
//                  * fl32(a_global[e] * w_global[slot e]))
//   dot[b] = sum over k in b of a[i][k] w[slot e][n][k], e the expert that owns row i
//
// cite      NVIDIA Model-Optimizer NVFP4 (block 16, two-level scales), grouped over experts
// shapes    a e2m1 [n_row, K], a_s e4m3 [n_row, K/16], offset i32 [n_expert + 1], w e2m1 [n_slot, N, K],
//           w_s e4m3 [n_slot, N, K/16], a_global f32 [n_expert], w_global f32 [n_slot] -> y bf16 [n_row, N]
// numerics  a code times its block scale has at most 6 significant bits and stays exact in f16 (kept as 2^-7
//           of it, so that neither 6 * 448 nor 0.5 * 2^-9 leaves the format); products are exact in f32; f32
//           accumulation, one rounding to bf16
// parallel  one CTA 64 columns of an expert and every gridDim.z-th of its 64-row tiles, four warps over the
//           columns, or over K in a tile of at most 16 rows
#include "expert_linear_nvfp4.h"
#include "kernels/common/experts.cuh"

namespace {

using namespace gemm;
constexpr int G = 16;  // a lane's 16 consecutive k are one scale block

union Smem {
  TileA<G> a;
  Partial partial;
};

// Codes times block scale times 2^-7: f16_from_e2m1x8 gives 2^-14, the other 2^7 goes with the scale (448 *
// 2^7 fits f16).
struct Scaled {
  uint32_t pair;
  __device__ __forceinline__ explicit Scaled(uint32_t e4m3_code)
      : pair(mma::mul_f16x2(mma::f16_from_e4m3(e4m3_code * 0x0101u), 0x58005800u)) {}
  __device__ __forceinline__ void widen(uint32_t codes, uint32_t (&h)[4]) const {
    mma::f16_from_e2m1x8(codes, h);
#pragma unroll
    for (int i = 0; i < 4; ++i) h[i] = mma::mul_f16x2(h[i], pair);
  }
  __device__ __forceinline__ void widen(const uint2& codes, uint32_t (&h)[2][4]) const {
    widen(codes.x, h[0]);
    widen(codes.y, h[1]);
  }
};
constexpr float UNIT = 0x1p14f;  // undoes 2^-7 of both operands

// Sixteen codes of k .. k + 15 (k a multiple of 16) of the row that starts at element `row`.
template <bool VEC>
__device__ __forceinline__ uint2 load_block(const uint8_t* matrix, int64_t row, int k, int K) {
  if constexpr (VEC) {
    if (k < K) return *reinterpret_cast<const uint2*>(matrix + ((row + k) >> 1));
    return {0, 0};
  } else {
    return {load_e2m1x8<false>(matrix, row, k, K), load_e2m1x8<false>(matrix, row, k + 8, K)};
  }
}

template <bool VEC>
__device__ __forceinline__ void row_tile(const ExpertLinearNvfp4Params& p, Smem& smem, int64_t slot,
                                         float global, int m0, int rows) {
  const Lane lane;
  const int tid = threadIdx.x;
  const int n0 = blockIdx.x * B_N + lane.warp * 8 * N_TILES;
  const int n_block = (p.K + 15) / 16;

  int64_t w_row[N_TILES];
#pragma unroll
  for (int t = 0; t < N_TILES; ++t) w_row[t] = slot * p.N + min(n0 + 8 * t + lane.r, p.N - 1);

  float acc[M_TILES][N_TILES][4] = {};
  for (int k0 = 0, buffer = 0; k0 < p.K; k0 += B_K, buffer ^= 1) {
    // load: weights of the step and their scales
    uint2 raw[N_TILES][2];
    uint32_t raw_scale[N_TILES][2];
#pragma unroll
    for (int t = 0; t < N_TILES; ++t)
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        const int k = k0 + lane_k<G>(2 * h, lane.q);
        raw[t][h] = load_block<VEC>(p.w, w_row[t] * p.K, k, p.K);
        raw_scale[t][h] = k < p.K ? p.w_s[w_row[t] * n_block + k / 16] : 0;
      }

    // stage: a * a_s
#pragma unroll
    for (int i = 0; i < M_TILES; ++i)
      if (tid / 8 + 16 * i < rows) {
        const int64_t row = m0 + tid / 8 + 16 * i;
        const int k = k0 + 16 * (tid % 8);
        const uint2 v = load_block<VEC>(p.a, row * p.K, k, p.K);
        const Scaled s(k < p.K ? p.a_s[row * n_block + k / 16] : 0);
        uint32_t h[2][4];
        s.widen(v, h);
#pragma unroll
        for (int c = 0; c < 2; ++c)
          smem.a.put(buffer, tid / 8 + 16 * i, 2 * (tid % 8) + c, {h[c][0], h[c][1], h[c][2], h[c][3]});
      }
    __syncthreads();

    // mma: acc += sum over the step of (a a_s) (w w_s)
    uint32_t b[N_TILES][CHUNKS][4];
#pragma unroll
    for (int t = 0; t < N_TILES; ++t)
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        const Scaled s(raw_scale[t][h]);
        s.widen(raw[t][h].x, b[t][2 * h]);
        s.widen(raw[t][h].y, b[t][2 * h + 1]);
      }
#pragma unroll
    for (int i = 0; i < M_TILES; ++i)
      if (16 * i < rows)
        dot_block<G, false>(mma::F16{}, acc[i], smem.a, buffer, 16 * i + lane.r, rows, lane.q, b);
  }

  // store: y = bf16(acc * fl32(a_global * w_global))
#pragma unroll
  for (int i = 0; i < M_TILES; ++i)
#pragma unroll
    for (int t = 0; t < N_TILES; ++t)
#pragma unroll
      for (int c = 0; c < 4; ++c) acc[i][t][c] = acc[i][t][c] * UNIT * global;
  store_tile(p.y, acc, m0, rows, p.N, n0, p.N, lane);
}

__device__ __forceinline__ void narrow_tile(const ExpertLinearNvfp4Params& p, Smem& smem, int64_t slot,
                                            float global, int m0, int rows) {
  const Lane lane;
  const int column0 = blockIdx.x * B_N, n_block = (p.K + 15) / 16;
  const int64_t row[2] = {m0 + low_row(lane, rows), m0 + high_row(lane, rows)};

  Narrow acc = {};
  for (int k0 = lane.warp * NARROW_K; k0 < p.K; k0 += N_WARP * NARROW_K) {
    // load; blocks beyond K have scale zero
    const int k = k0 + lane_k<G>(0, lane.q);
    uint2 w[NARROW_TILES], a[2];
    uint32_t w_scale[NARROW_TILES], a_scale[2];
#pragma unroll
    for (int t = 0; t < NARROW_TILES; ++t) {
      const int64_t w_row = slot * p.N + min(column0 + 8 * t + lane.r, p.N - 1);
      w[t] = load_block<true>(p.w, w_row * p.K, k, p.K);
      w_scale[t] = k < p.K ? p.w_s[w_row * n_block + k / 16] : 0;
    }
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      a[i] = load_block<true>(p.a, row[i] * p.K, k, p.K);
      a_scale[i] = k < p.K ? p.a_s[row[i] * n_block + k / 16] : 0;
    }

    // mma: acc += sum over the step of (a a_s) (w w_s)
    Fragment lo, hi;
    Scaled(a_scale[0]).widen(a[0], lo);
    Scaled(a_scale[1]).widen(a[1], hi);
#pragma unroll
    for (int t = 0; t < NARROW_TILES; ++t) {
      Fragment b;
      Scaled(w_scale[t]).widen(w[t], b);
      multiply_row<false>(mma::F16{}, acc[t], lo, hi, b);
    }
  }

  // store: y = bf16(acc * fl32(a_global * w_global))
#pragma unroll
  for (int t = 0; t < NARROW_TILES; ++t)
#pragma unroll
    for (int c = 0; c < 4; ++c) acc[t][c] = acc[t][c] * UNIT * global;
  finish(acc, smem.partial, p.y, m0, rows, p.N, column0, p.N, lane);
}

template <bool VEC>
__device__ __forceinline__ void expert(const ExpertLinearNvfp4Params& p, Smem& smem) {
  const ExpertRows e(p.offset, p.expert_slot, p.n_slot);
  if (e.begin >= e.end) return;
  const float global = p.a_global[blockIdx.y] * p.w_global[e.slot];
  for (int m0 = e.begin + blockIdx.z * B_M; m0 < e.end; m0 += gridDim.z * B_M) {
    const int rows = min(B_M, e.end - m0);
    if (VEC && rows <= NARROW_ROWS)
      narrow_tile(p, smem, e.slot, global, m0, rows);
    else
      row_tile<VEC>(p, smem, e.slot, global, m0, rows);
    __syncthreads();  // the next tile writes what a slow warp may still read
  }
}

}  // namespace

extern "C" __global__ void __launch_bounds__(gemm::THREADS, 3)
    expert_linear_nvfp4(const __grid_constant__ ExpertLinearNvfp4Params p) {
  __shared__ Smem smem;
  if (p.K % 16 == 0 && mma::aligned(p.a, 8) && mma::aligned(p.w, 8))
    expert<true>(p, smem);
  else
    expert<false>(p, smem);
}
