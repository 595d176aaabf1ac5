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
// parallel  umma_linear.cuh: 128 rows of w x up to 128 rows of an expert a tile; 256 of K a stage are four scale atoms an operand
#include "expert_linear_nvfp4.h"
#include "kernels/common/umma_expert.cuh"
#include "kernels/common/umma_linear.cuh"

extern "C" __global__ void __launch_bounds__(umma_linear::THREADS, 1) expert_linear_nvfp4(const __grid_constant__ ExpertLinearNvfp4Sm100Params p) {
  using namespace umma_linear;
  const plan::Linear l = plan::experts(p.op.n_row, p.op.n_expert, p.op.N, p.op.K, plan::NVFP4);
  const Experts<RowsInOrder> experts{p.w_map, {p.a_map, l.tokens}, l, p.op.offset, p.op.expert_slot, p.op.n_expert, p.op.n_slot};
  run<Nvfp4>(l, experts, Nvfp4Scales<1>{p.op.a_s, {p.op.w_s}, p.op.N, p.op.K}, [&](const Tile& t) {
    const float global = p.op.a_global[t.group] * p.op.w_global[t.matrix];
    const StoreBf16 y{p.op.y + int64_t(t.m0) * p.op.N, p.op.N};
    return [=](int32_t m, int32_t n, float sum) { y(m, n, sum * global); };
  });
}
