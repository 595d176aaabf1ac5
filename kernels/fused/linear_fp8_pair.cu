// linear_fp8_pair: y0 = a w0T and y1 = a w1T, operands e4m3 with power-of-two scales, in one launch
//   a e4m3 [M, K]   a_s ue8m0 [M, K/128]   w0, w1 e4m3 [N0 or N1, K]   w0_s, w1_s ue8m0 [N0 or N1 / 128, K/128]
//   y0, y1 bf16 [M, N0 or N1]; any M, N0, N1, K
// Numerics: those of linear_fp8, bit for bit.
// Parallel: one CTA a 64 x 64 tile, those of y0 before those of y1.
// Bound: memory, the weights.
#include "linear_fp8_pair.h"

#include "kernels/common/gemm_fp8.cuh"

extern "C" __global__ void __launch_bounds__(gemm::THREADS, 3)
    linear_fp8_pair(const __grid_constant__ LinearFp8PairParams p) {
  __shared__ gemm::fp8::Smem smem;
  const int n = blockIdx.x, m = blockIdx.y, n0 = (p.N0 + gemm::B_N - 1) / gemm::B_N;
  const bool second = n >= n0;
  const gemm::fp8::Product product{p.a, p.a_s, second ? p.w1 : p.w0, second ? p.w1_s : p.w0_s, second ? p.y1 : p.y0,
                                   p.M, second ? p.N1 : p.N0, p.K};
  gemm::fp8::run(product, {second ? n - n0 : n, m}, smem);
}
