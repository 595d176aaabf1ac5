// grouped_linear_fp8w on tcgen05: per group g of channels, y = a wT with bf16 rows and e4m3 weights (the output projection's first half).
//
//   y[m][g][n] = bf16(sum over k of a[m][g][k] * w[g N + n][k] * w_s[(g N + n) / 128][k / 128])
//
// cite      DeepSeek-V4 inference/model.py Attention.forward: einsum(bsgd, grd -> bsgr) with wo_a dequantised to bf16
// shapes    a bf16 [M, n_group, K], w e4m3 [n_group * N, K], w_s ue8m0 [n_group * N / 128, K / 128]
//           -> y bf16 [M, n_group, N]; rows of K of w on 16 bytes
// numerics  w * w_s is exact in bf16 for w_s from 2^-124 to 2^118; kind::f16, f32 accumulation, one rounding to bf16
// parallel  umma_linear.cuh: 128 rows of w x up to 128 tokens of a group a tile, pairs of CTAs where tokens are many; w is widened in
//           the stage
#include "grouped_linear_fp8w.h"
#include "kernels/common/umma_fp8w.cuh"

namespace {

using namespace umma_linear;

template <int32_t CTAS>
__device__ __forceinline__ void product(const GroupedLinearFp8wSm100Params& params) {
  const GroupedLinearFp8wParams& p = params.op;
  const plan::Linear l = plan::groups(p.M, p.n_group, p.N, p.K, plan::FP8W, CTAS, params.tokens);
  const Widen widen{p.w_s, p.n_group, p.N, p.K};
  run<Fp8w, CTAS>(l, Groups<CTAS>{{&params.w_map}, params.a_map, l, p.M, p.n_group}, widen, [&](const Tile& t) {
    const int64_t stride = int64_t(p.n_group) * p.N;
    return StoreBf16{p.y + t.m0 * stride + int64_t(t.group) * p.N, stride};
  });
}

}  // namespace

extern "C" __global__ void __launch_bounds__(THREADS, 1) grouped_linear_fp8w(const __grid_constant__ GroupedLinearFp8wSm100Params p) {
  product<1>(p);
}
extern "C" __global__ void __launch_bounds__(THREADS, 1)
    grouped_linear_fp8w_cta_pair(const __grid_constant__ GroupedLinearFp8wSm100Params p) {
  product<plan::PAIR>(p);
}
