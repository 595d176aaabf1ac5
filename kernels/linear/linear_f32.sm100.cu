// linear_f32 on tcgen05: y = a wT with bf16 operands and an f32 result.
//
//   y[m][n] = sum over k of a[m][k] w[n][k]
//
// cite      DeepSeek-V4 inference/model.py F.linear(x.float(), w.float()): gate, compressor, LM head
// shapes    a bf16 [M, K], w bf16 [N, K] -> y f32 [M, N]; any M and N, rows of K on 16 bytes
// numerics  kind::f16, products of bf16 are exact in f32; f32 accumulation
// parallel  umma_linear.cuh: 128 rows of w x up to 128 tokens a tile, K split over a cluster where tiles are few; pairs of CTAs where
//           tokens are many
#include "kernels/common/umma_linear.cuh"
#include "linear_f32.h"

namespace {

using namespace umma_linear;

template <int32_t CTAS>
__device__ __forceinline__ void product(const LinearF32Sm100Params& p) {
  const plan::Linear l = plan::dense(p.op.M, p.op.N, p.op.K, plan::BF16, CTAS, p.tokens);
  run<Bf16, CTAS>(l, Dense<CTAS>{{&p.w_map}, p.a_map, l, p.op.M}, NoFill{}, [&](const Tile& t) {
    return [y = p.op.y + int64_t(t.m0) * p.op.N, N = p.op.N](int32_t m, int32_t n, float v) { y[int64_t(m) * N + n] = v; };
  });
}

}  // namespace

extern "C" __global__ void __launch_bounds__(THREADS, 1) linear_f32(const __grid_constant__ LinearF32Sm100Params p) { product<1>(p); }
extern "C" __global__ void __launch_bounds__(THREADS, 1) linear_f32_cta_pair(const __grid_constant__ LinearF32Sm100Params p) {
  product<plan::PAIR>(p);
}
