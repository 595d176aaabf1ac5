// linear_bf16 on tcgen05: y = a wT with bf16 operands and a bf16 result.
//
//   y[m][n] = bf16(sum over k of a[m][k] w[n][k])
//
// cite      DeepSeek-V4 inference/model.py F.linear in bf16 (indexer weights_proj)
// shapes    a bf16 [M, K], w bf16 [N, K] -> y bf16 [M, N]; any M and N, rows of K on 16 bytes
// numerics  kind::f16, products of bf16 are exact in f32; f32 accumulation, one rounding to bf16
// parallel  umma_linear.cuh: 128 rows of w x up to 128 tokens a tile, K split over a cluster where tiles are few; pairs of CTAs where
//           tokens are many
#include "kernels/common/umma_linear.cuh"
#include "linear_bf16.h"

namespace {

using namespace umma_linear;

template <int32_t CTAS>
__device__ __forceinline__ void product(const LinearBf16Sm100Params& p) {
  const plan::Linear l = plan::dense(p.op.M, p.op.N, p.op.K, plan::BF16, CTAS, p.tokens);
  run<Bf16, CTAS>(l, Dense<CTAS>{{&p.w_map}, p.a_map, l, p.op.M}, NoFill{}, [&](const Tile& t) {
    return StoreBf16{p.op.y + int64_t(t.m0) * p.op.N, p.op.N};
  });
}

}  // namespace

extern "C" __global__ void __launch_bounds__(THREADS, 1) linear_bf16(const __grid_constant__ LinearBf16Sm100Params p) { product<1>(p); }
extern "C" __global__ void __launch_bounds__(THREADS, 1) linear_bf16_cta_pair(const __grid_constant__ LinearBf16Sm100Params p) {
  product<plan::PAIR>(p);
}
