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
#include "kernels/common/gemm_nvfp4.cuh"

namespace {

using namespace gemm;

template <bool VEC>
__device__ __forceinline__ void expert(const ExpertLinearNvfp4Params& p, const nvfp4::Product& product, nvfp4::Smem& smem) {
  const ExpertRows e(p.offset, p.expert_slot, p.n_slot);
  if (e.begin >= e.end) return;
  const float global = p.a_global[blockIdx.y] * p.w_global[e.slot];
  for (int m0 = e.begin + blockIdx.z * B_M; m0 < e.end; m0 += gridDim.z * B_M) {
    nvfp4::tile<VEC>(product, {p.y, m0, p.N}, smem, e.slot, global, m0, min(B_M, e.end - m0), blockIdx.x * B_N);
    __syncthreads();
  }
}

}  // namespace

extern "C" __global__ void __launch_bounds__(gemm::THREADS, 3)
    expert_linear_nvfp4(const __grid_constant__ ExpertLinearNvfp4Params p) {
  __shared__ nvfp4::Smem smem;
  const nvfp4::Product product{p.a, p.a_s, p.w, p.w_s, p.N, p.K};
  if (nvfp4::rows_are_vectors(product))
    expert<true>(p, product, smem);
  else
    expert<false>(p, product, smem);
}
