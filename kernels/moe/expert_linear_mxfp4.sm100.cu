// expert_linear_mxfp4 on tcgen05: the rows of each expert times its weights; activations e4m3 (scale a 128), weights e2m1 (scale a 32).
//
//   row i of expert e: s = src_row[i] (i when src_row is null)
//   y[i][n] = bf16(sum over 32-blocks b of K of dot[b] * a_s[s][b / 4] * w_s[slot e][n][b])
//   dot[b] = sum over k in b of a[s][k] w[slot e][n][k], e the expert that owns row i
//
// cite      DeepSeek-V4 inference/kernel.py fp4_gemm, grouped over experts
// shapes    a e4m3 [n_src, K], a_s ue8m0 [n_src, K/128], offset i32 [n_expert + 1], w e2m1 [n_slot, N, K],
//           w_s ue8m0 [n_slot, N, K/32] -> y bf16 [n_row, N]; any load of experts, any N, K a multiple of 128
// numerics  kind::mxf8f6f4: products and scales are exact, f32 accumulation, one rounding to bf16
// parallel  umma_linear.cuh: 128 rows of w x up to 128 rows of an expert a tile, pairs of CTAs where they are many. The tensor map spreads
//           w over shared memory, eight bytes of data and eight of padding in sixteen, a byte a code; four scales of w are a row's word,
//           the scale of a fills one
#include "expert_linear_mxfp4.h"
#include "kernels/common/umma_expert.cuh"
#include "kernels/common/umma_linear.cuh"

namespace {

using namespace umma_linear;

template <int32_t CTAS>
__device__ __forceinline__ void product(const ExpertLinearMxfp4Sm100Params& params) {
  const ExpertLinearMxfp4Params& p = params.op;
  const plan::Linear l = plan::experts(p.n_row, p.n_expert, p.N, p.K, plan::MXFP4, CTAS, params.tokens);
  const GatheredRows<CTAS> a{params.a_map, p.src_row};
  const Experts<CTAS, GatheredRows<CTAS>> experts{{&params.w_map}, a, l, p.offset, p.expert_slot, p.n_expert, p.n_slot};
  run<Mxfp4, CTAS>(l, experts, Mxfp4Scales<CTAS, 1>{p.a_s, a, {p.w_s}, p.N, p.K}, [&](const Tile& t) {
    return StoreBf16{p.y + int64_t(t.m0) * p.N, p.N};
  });
}

}  // namespace

extern "C" __global__ void __launch_bounds__(THREADS, 1) expert_linear_mxfp4(const __grid_constant__ ExpertLinearMxfp4Sm100Params p) {
  product<1>(p);
}
extern "C" __global__ void __launch_bounds__(THREADS, 1)
    expert_linear_mxfp4_cta_pair(const __grid_constant__ ExpertLinearMxfp4Sm100Params p) {
  product<plan::PAIR>(p);
}
