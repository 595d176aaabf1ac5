// linear_fp8: y = a wT, both operands e4m3 with power-of-two scales.
//
//   y[m][n] = bf16(sum over 128-blocks b of K of dot[b] * a_s[m][b] * w_s[n / 128][b])
//   dot[b] = sum over k in b of a[m][k] w[n][k]
//
// cite      DeepSeek-V4 inference/kernel.py fp8_gemm
// shapes    a e4m3 [M, K], a_s ue8m0 [M, K/128], w e4m3 [N, K], w_s ue8m0 [N/128, K/128] -> y bf16 [M, N];
//           any M, N, K
// numerics  e4m3 widens to f16 exactly and products of two are exact in f32; f32 accumulation, one rounding
//           to bf16. The fp8 instruction is not used: on Hopper it accumulates with about 14 bits.
// parallel  one CTA a 64 x 64 tile of y, four warps over its columns, or over K when M is at most 16 and rows
//           are vectors
#include "kernels/common/gemm_fp8.cuh"
#include "linear_fp8.h"

extern "C" __global__ void __launch_bounds__(gemm::THREADS, 3)
    linear_fp8(const __grid_constant__ LinearFp8Params p) {
  __shared__ gemm::fp8::Smem smem;
  gemm::fp8::run({p.a, p.a_s, p.w, p.w_s, p.y, p.M, p.N, p.K}, {int(blockIdx.x), int(blockIdx.y)}, smem);
}
