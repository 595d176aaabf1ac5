// grouped_linear_fp8w: per group g of channels, y = a wT with bf16 rows and e4m3 weights (the output
// projection's first half).
//
//   y[m][g][n] = bf16(sum over k of a[m][g][k] * w[g N + n][k] * w_s[(g N + n) / 128][k / 128])
//
// cite      DeepSeek-V4 inference/model.py Attention.forward: einsum(bsgd, grd -> bsgr) with wo_a dequantised
//           to bf16
// shapes    a bf16 [M, n_group, K], w e4m3 [n_group * N, K], w_s ue8m0 [n_group * N / 128, K / 128] -> y bf16
//           [M, n_group, N]
// numerics  e4m3 widens to bf16 exactly and w_s is a power of two, so scaling the f32 sum of a 128-block is
//           the sum of scaled weights; f32 accumulation, one rounding to bf16
// parallel  one CTA a 64 x 64 tile of a group, four warps over its columns, or over K when M is at most 16
#include "grouped_linear_fp8w.h"
#include "kernels/common/gemm_fp8w.cuh"

extern "C" __global__ void __launch_bounds__(gemm::THREADS, 3)
    grouped_linear_fp8w(const __grid_constant__ GroupedLinearFp8wParams p) {
  __shared__ gemm::fp8w::Smem smem;
  const gemm::Tile at{int(blockIdx.x), int(blockIdx.y)};
  const int64_t row = int64_t(p.n_group) * p.N;
  const gemm::fp8w::Out y{p.y + int64_t(at.m) * gemm::B_M * row + int64_t(blockIdx.z) * p.N + at.n * gemm::B_N, row};
  gemm::fp8w::run({p.a, p.w, p.w_s, p.M, p.n_group, p.N, p.K}, y, blockIdx.z, at, smem);
}
