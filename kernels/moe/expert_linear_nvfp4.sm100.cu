// expert_linear_nvfp4 on tcgen05: the rows of each expert times its weights, both NVFP4 (e2m1, e4m3 scale a 16, one float32 scale on top).
//
//   y[i][n] = bf16((sum over 16-blocks b of K of dot[b] * a_s[i][b] * w_s[slot e][n][b]) * fl32(a_global[e] * w_global[slot e]))
//   dot[b] = sum over k in b of a[i][k] w[slot e][n][k], e the expert that owns row i
//
// cite      NVIDIA Model-Optimizer NVFP4 (block 16, two-level scales), grouped over experts
// shapes    a e2m1 [n_row, K], a_s e4m3 [n_row, K/16], offset i32 [n_expert + 1], w e2m1 [n_slot, N, K],
//           w_s e4m3 [n_slot, N, K/16], a_global f32 [n_expert], w_global f32 [n_slot] -> y bf16 [n_row, N]; K a multiple of 64
// numerics  kind::mxf4nvf4: block scales are magnitudes (ue4m3), products and scales are exact, f32 accumulation; the global scales
//           multiply the whole sum once, then one rounding to bf16
// parallel  umma_linear.cuh: 128 rows of w x up to 128 rows of an expert a tile, pairs of CTAs where they are many; 256 of K a stage are
//           four scale atoms an operand
#include "expert_linear_nvfp4.h"
#include "kernels/common/umma_expert.cuh"
#include "kernels/common/umma_linear.cuh"

namespace {

using namespace umma_linear;

template <int32_t CTAS>
__device__ __forceinline__ void product(const ExpertLinearNvfp4Sm100Params& params) {
  const ExpertLinearNvfp4Params& p = params.op;
  const plan::Linear l = plan::experts(p.n_row, p.n_expert, p.N, p.K, plan::NVFP4, CTAS, params.tokens);
  const Experts<CTAS, RowsInOrder<CTAS>> experts{{&params.w_map}, {params.a_map}, l, p.offset, p.expert_slot, p.n_expert, p.n_slot};
  run<Nvfp4, CTAS>(l, experts, Nvfp4Scales<CTAS, 1>{p.a_s, {p.w_s}, p.N, p.K}, [&](const Tile& t) {
    const float global = p.a_global[t.group] * p.w_global[t.matrix];
    const StoreBf16 y{p.y + int64_t(t.m0) * p.N, p.N};
    return [=](int32_t m, int32_t n, float sum) { y(m, n, sum * global); };
  });
}

}  // namespace

extern "C" __global__ void __launch_bounds__(THREADS, 1) expert_linear_nvfp4(const __grid_constant__ ExpertLinearNvfp4Sm100Params p) {
  product<1>(p);
}
extern "C" __global__ void __launch_bounds__(THREADS, 1)
    expert_linear_nvfp4_cta_pair(const __grid_constant__ ExpertLinearNvfp4Sm100Params p) {
  product<plan::PAIR>(p);
}
