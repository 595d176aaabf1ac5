// linear_f32: y = a wT with bf16 operands and a f32 result.
//
//   y[m][n] = sum over k of a[m][k] w[n][k]
//
// cite      DeepSeek-V4 inference/model.py F.linear(x.float(), w.float()): gate, compressor, LM head
// shapes    a bf16 [M, K], w bf16 [N, K] -> y f32 [M, N]; any M, N, K
// numerics  products of widened bf16 are exact in f32; f32 accumulation and result
// parallel  one CTA a 64 x 64 tile of y, four warps over its columns, or over K when M is at most 16
#include "kernels/common/gemm_bf16.cuh"
#include "linear_f32.h"

extern "C" __global__ void __launch_bounds__(gemm::THREADS, 3)
    linear_f32(const __grid_constant__ LinearF32Params p) {
  __shared__ gemm::bf16::Smem smem;
  gemm::bf16::run<float>({p.a, p.w, p.y, p.M, p.N, p.K}, {int(blockIdx.x), int(blockIdx.y)}, smem);
}
