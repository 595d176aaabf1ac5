// expert_linear_mxfp4: the rows of each expert times its weights; activations e4m3 (scale a 128), weights
// e2m1 (scale a 32).
//
//   row i of expert e: s = src_row[i] (i when src_row is null)
//   y[i][n] = bf16(sum over 32-blocks b of K of dot[b] * a_s[s][b / 4] * w_s[slot e][n][b])
//   dot[b] = sum over k in b of a[s][k] w[slot e][n][k]
//
// cite      DeepSeek-V4 inference/kernel.py fp4_gemm, grouped over experts
// shapes    a e4m3 [n_src, K], a_s ue8m0 [n_src, K/128], offset i32 [n_expert + 1], w e2m1 [n_slot, N, K],
//           w_s ue8m0 [n_slot, N, K/32] -> y bf16 [n_row, N]; any load of experts, any N, K
// numerics  both formats widen to f16 exactly (e2m1 times 2^-14, undone with its scale); f32 accumulation,
//           one rounding to bf16
// parallel  one CTA 64 columns of an expert and every gridDim.z-th of its 64-row tiles, four warps over the
//           columns, or over K in a tile of at most 16 rows
#include "expert_linear_mxfp4.h"
#include "kernels/common/gemm_mxfp4.cuh"

namespace {

using namespace gemm;

template <bool VEC>
__device__ __forceinline__ void expert(const ExpertLinearMxfp4Params& p, const mxfp4::Product& product, mxfp4::Smem& smem) {
  const ExpertRows e(p.offset, p.expert_slot, p.n_slot);
  for (int m0 = e.begin + blockIdx.z * B_M; m0 < e.end; m0 += gridDim.z * B_M) {
    mxfp4::tile<VEC>(product, {p.y, m0, p.N}, smem, e.slot, m0, min(B_M, e.end - m0), blockIdx.x * B_N);
    __syncthreads();
  }
}

}  // namespace

extern "C" __global__ void __launch_bounds__(gemm::THREADS, 2)
    expert_linear_mxfp4(const __grid_constant__ ExpertLinearMxfp4Params p) {
  __shared__ mxfp4::Smem smem;
  const mxfp4::Product product{p.a, p.a_s, p.src_row, p.w, p.w_s, p.N, p.K};
  if (mxfp4::rows_are_vectors(product))
    expert<true>(p, product, smem);
  else
    expert<false>(p, product, smem);
}
