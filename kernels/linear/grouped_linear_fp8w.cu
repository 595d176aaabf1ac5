// grouped_linear_fp8w: per group g of channels, y = a wT with bf16 rows and e4m3 weights (the output projection's first half).
//
//   y[m][g][n] = bf16(sum over k of a[m][g][k] * w[g N + n][k] * w_s[(g N + n) / 128][k / 128])
//
// cite      DeepSeek-V4 inference/model.py Attention.forward: einsum(bsgd, grd -> bsgr) with wo_a dequantised to bf16
// shapes    a bf16 [M, n_group, K], w e4m3 [n_group * N, K], w_s ue8m0 [n_group * N / 128, K / 128] -> y bf16 [M, n_group, N]
// numerics  e4m3 widens to bf16 exactly and w_s is a power of two, so scaling the f32 sum of a 128-block is the sum of scaled
//           weights; f32 accumulation, one rounding to bf16
// parallel  one CTA a 64 x 64 tile of a group, four warps over its columns; m16 tiles without rows are skipped
#include "grouped_linear_fp8w.h"
#include "kernels/common/gemm.cuh"

namespace {

using namespace gemm;
constexpr int G = 16;  // one 16-byte load of weights a lane

struct Smem {
  TileA<G> a;
  float scale[2][B_N];  // w_s of the step, by column: a tile may straddle two 128-row blocks of w
};

template <bool VEC>
__device__ __forceinline__ void tile(const GroupedLinearFp8wParams& p, Smem& smem) {
  const Lane lane;
  const int tid = threadIdx.x, group = blockIdx.z;
  const int m0 = blockIdx.y * B_M, column0 = blockIdx.x * B_N, n0 = column0 + lane.warp * 8 * N_TILES;
  const int rows = min(B_M, p.M - m0);
  const int n_block = (p.K + B_K - 1) / B_K;

  const uint8_t* w_row[N_TILES];
#pragma unroll
  for (int t = 0; t < N_TILES; ++t)
    w_row[t] = p.w + (int64_t(group) * p.N + min(n0 + 8 * t + lane.r, p.N - 1)) * p.K;
  const int64_t a_stride = int64_t(p.n_group) * p.K;
  const bf16_t* a_row = p.a + (m0 + tid / 16) * a_stride + int64_t(group) * p.K;  // stages rows tid / 16 + 8 i
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
      for (int h = 0; h < 2; ++h) {
        mma::bf16_from_e4m3x4(raw[t][h].x, b[t][2 * h][0], b[t][2 * h][1]);
        mma::bf16_from_e4m3x4(raw[t][h].y, b[t][2 * h][2], b[t][2 * h][3]);
        mma::bf16_from_e4m3x4(raw[t][h].z, b[t][2 * h + 1][0], b[t][2 * h + 1][1]);
        mma::bf16_from_e4m3x4(raw[t][h].w, b[t][2 * h + 1][2], b[t][2 * h + 1][3]);
      }
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
  store_tile(p.y + int64_t(group) * p.N, acc, m0, rows, p.N, n0, int64_t(p.n_group) * p.N, lane);
}

}  // namespace

extern "C" __global__ void __launch_bounds__(gemm::THREADS)
    grouped_linear_fp8w(const __grid_constant__ GroupedLinearFp8wParams p) {
  __shared__ Smem smem;
  if (p.K % 16 == 0 && mma::aligned(p.a, 16) && mma::aligned(p.w, 16))
    tile<true>(p, smem);
  else
    tile<false>(p, smem);
}
