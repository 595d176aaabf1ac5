// linear_fp8 on tcgen05: y = a wT, both operands e4m3 with power-of-two scales.
//
//   y[m][n] = bf16(sum over 128-blocks b of K of dot[b] * a_s[m][b] * w_s[n / 128][b])
//   dot[b] = sum over k in b of a[m][k] w[n][k]
//
// cite      DeepSeek-V4 inference/kernel.py fp8_gemm
// shapes    a e4m3 [M, K], a_s ue8m0 [M, K/128], w e4m3 [N, K], w_s ue8m0 [N/128, K/128] -> y bf16 [M, N];
//           any M and N, rows of K on 16 bytes
// numerics  kind::mxf8f6f4: products and scales are exact, f32 accumulation, one rounding to bf16
// parallel  umma_linear.cuh: 128 rows of w x up to 128 tokens a tile, K split over a cluster where tiles are few; pairs of CTAs where
//           tokens are many
#include "kernels/common/umma_fp8.cuh"
#include "linear_fp8.h"

namespace {

using namespace umma_linear;

template <int32_t CTAS>
__device__ __forceinline__ void product(const LinearFp8Sm100Params& p) {
  const plan::Linear l = plan::dense(p.op.M, p.op.N, p.op.K, plan::FP8, CTAS, p.tokens);
  const auto w_s = [&](const Tile&, int32_t) { return p.op.w_s; };
  run<Fp8, CTAS>(l, Dense<CTAS>{{&p.w_map}, p.a_map, l, p.op.M}, Fp8Scales<CTAS, 1, decltype(w_s)>{p.op.a_s, p.op.K, w_s},
                 [&](const Tile& t) { return StoreBf16{p.op.y + int64_t(t.m0) * p.op.N, p.op.N}; });
}

}  // namespace

extern "C" __global__ void __launch_bounds__(THREADS, 1) linear_fp8(const __grid_constant__ LinearFp8Sm100Params p) { product<1>(p); }
extern "C" __global__ void __launch_bounds__(THREADS, 1) linear_fp8_cta_pair(const __grid_constant__ LinearFp8Sm100Params p) {
  product<plan::PAIR>(p);
}
