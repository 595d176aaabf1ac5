// linear_bf16: y = a wT with bf16 operands and a bf16 result.
//
//   y[m][n] = bf16(sum over k of a[m][k] w[n][k])
//
// cite      DeepSeek-V4 inference/model.py F.linear in bf16 (indexer weights_proj)
// shapes    a bf16 [M, K], w bf16 [N, K] -> y bf16 [M, N]; any M, N, K
// numerics  products of bf16 are exact in f32; f32 accumulation, one rounding to bf16
// parallel  one CTA a 64 x 64 tile of y, four warps over its columns, or over K when M is at most 16
#include "kernels/common/gemm_bf16.cuh"
#include "linear_bf16.h"

extern "C" __global__ void __launch_bounds__(gemm::THREADS, 3)
    linear_bf16(const __grid_constant__ LinearBf16Params p) {
  __shared__ gemm::bf16::Smem smem;
  gemm::bf16::run<bf16_t>({p.a, p.w, p.y, p.M, p.N, p.K}, {int(blockIdx.x), int(blockIdx.y)}, smem);
}
