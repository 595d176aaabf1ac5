// expert_linear_nvfp4: the rows of each expert times its weights, both NVFP4 (e2m1, e4m3 scale a 16, one float32 scale on top).
//
//   y[i][n] = bf16((sum over 16-blocks b of K of (sum over k in b of a[i][k] w[slot e][n][k]) * a_s[i][b] * w_s[slot e][n][b])
//                  * fl32(a_global[e] * w_global[slot e]))
//
// cite      NVIDIA Model-Optimizer NVFP4 (block 16, two-level scales), grouped over experts
// shapes    a e2m1 [n_row, K], a_s e4m3 [n_row, K/16], offset i32 [n_expert + 1], w e2m1 [n_slot, N, K],
//           w_s e4m3 [n_slot, N, K/16], a_global f32 [n_expert], w_global f32 [n_slot] -> y bf16 [n_row, N]
// numerics  a code times its block scale has at most 6 significant bits and stays exact in f16 (kept as 2^-7 of it, so that
//           neither 6 * 448 nor 0.5 * 2^-9 leaves the format); products are exact in f32; f32 accumulation, one rounding to bf16
// parallel  one CTA 64 columns of an expert and every gridDim.z-th of its 64-row tiles, four warps over the columns
#include "expert_linear_nvfp4.h"
#include "kernels/common/experts.cuh"

namespace {

using namespace gemm;
constexpr int G = 16;  // a lane's 16 consecutive k are one scale block

// Codes times block scale times 2^-7: f16_from_e2m1x8 gives 2^-14, the other 2^7 goes with the scale (448 * 2^7 fits f16).
struct Scaled {
  uint32_t pair;
  __device__ __forceinline__ explicit Scaled(uint32_t e4m3_code)
      : pair(mma::mul_f16x2(mma::f16_from_e4m3(e4m3_code * 0x0101u), 0x58005800u)) {}
  __device__ __forceinline__ void widen(uint32_t codes, uint32_t (&h)[4]) const {
    mma::f16_from_e2m1x8(codes, h);
#pragma unroll
    for (int i = 0; i < 4; ++i) h[i] = mma::mul_f16x2(h[i], pair);
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
__device__ __forceinline__ void row_tile(const ExpertLinearNvfp4Params& p, TileA<G>& smem, int64_t slot, float global,
                                         int m0, int rows) {
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
        uint32_t h[4];
        s.widen(v.x, h);
        smem.put(buffer, tid / 8 + 16 * i, 2 * (tid % 8), {h[0], h[1], h[2], h[3]});
        s.widen(v.y, h);
        smem.put(buffer, tid / 8 + 16 * i, 2 * (tid % 8) + 1, {h[0], h[1], h[2], h[3]});
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
        dot_block<G, false>(mma::F16{}, acc[i], smem, buffer, 16 * i + lane.r, rows, lane.q, b);
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

template <bool VEC>
__device__ __forceinline__ void expert(const ExpertLinearNvfp4Params& p, TileA<G>& smem) {
  const ExpertRows e(p.offset, p.expert_slot, p.n_slot);
  if (e.begin >= e.end) return;
  const float global = p.a_global[blockIdx.y] * p.w_global[e.slot];
  for (int m0 = e.begin + blockIdx.z * B_M; m0 < e.end; m0 += gridDim.z * B_M) {
    row_tile<VEC>(p, smem, e.slot, global, m0, min(B_M, e.end - m0));
    __syncthreads();  // the next tile stages into the buffer that a slow warp may still read
  }
}

}  // namespace

extern "C" __global__ void __launch_bounds__(gemm::THREADS)
    expert_linear_nvfp4(const __grid_constant__ ExpertLinearNvfp4Params p) {
  __shared__ TileA<G> smem;
  if (p.K % 16 == 0 && mma::aligned(p.a, 8) && mma::aligned(p.w, 8))
    expert<true>(p, smem);
  else
    expert<false>(p, smem);
}
