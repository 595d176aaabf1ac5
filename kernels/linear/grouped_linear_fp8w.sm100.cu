// grouped_linear_fp8w on tcgen05: per group g of channels, y = a wT with bf16 rows and e4m3 weights (the output projection's first half).
//
//   y[m][g][n] = bf16(sum over k of a[m][g][k] * w[g N + n][k] * w_s[(g N + n) / 128][k / 128])
//
// cite      DeepSeek-V4 inference/model.py Attention.forward: einsum(bsgd, grd -> bsgr) with wo_a dequantised to bf16
// shapes    a bf16 [M, n_group, K], w e4m3 [n_group * N, K], w_s ue8m0 [n_group * N / 128, K / 128]
//           -> y bf16 [M, n_group, N]; rows of K of w on 16 bytes
// numerics  w * w_s is exact in bf16 for w_s from 2^-124 to 2^118; kind::f16, f32 accumulation, one rounding to bf16
// parallel  umma_linear.cuh: 128 rows of w x up to 128 tokens of a group a tile; w is widened in the stage
#include "grouped_linear_fp8w.h"
#include "kernels/common/umma_fp8w.cuh"

extern "C" __global__ void __launch_bounds__(umma_linear::THREADS, 1)
    grouped_linear_fp8w(const __grid_constant__ GroupedLinearFp8wSm100Params p) {
  using namespace umma_linear;
  const plan::Linear l = plan::groups(p.op.M, p.op.n_group, p.op.N, p.op.K, plan::FP8W);
  run<Fp8w>(l, Groups{p.w_map, p.a_map, l, p.op.M, p.op.n_group}, Widen{p.op.w_s, p.op.n_group, p.op.N, p.op.K}, [&](const Tile& t) {
    const int64_t stride = int64_t(p.op.n_group) * p.op.N;
    return StoreBf16{p.op.y + t.m0 * stride + int64_t(t.group) * p.op.N, stride};
  });
}
