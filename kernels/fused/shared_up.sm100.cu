// shared_up on tcgen05: w1 and w3 of the shared expert, the clamped gated activation, and its e4m3 codes.
//
//   g, u = bf16(a w1T), bf16(a w3T)   act = bf16(swiglu(g, u))   q, s = codes and scales of act in blocks of 128
//
// cite      DeepSeek-V4 inference/model.py Expert.forward
// shapes    as the portable kernel's; N a multiple of 128, rows of K on 16 bytes
// numerics  those of linear_fp8, swiglu and act_quant_fp8
// parallel  umma_linear.cuh: 128 rows of w1 and the same of w3 x up to 128 tokens a tile, which is one block of the quantiser for each
//           token; a warp finishes a token; pairs of CTAs where tokens are many
#include "kernels/common/expert_up.cuh"
#include "kernels/common/umma_fp8.cuh"
#include "shared_up.h"

namespace {

using namespace umma_linear;
using Up = Finished<Fp8, 2>;

template <int32_t CTAS>
__device__ __forceinline__ void product(const SharedUpSm100Params& params) {
  const SharedUpParams& p = params.op;
  const plan::Linear l = plan::dense(p.M, p.N, p.K, Up::STAGE, CTAS, params.tokens);
  const auto w_s = [&](const Tile&, int32_t a) { return a == 0 ? p.w1_s : p.w3_s; };
  const Fp8Scales<CTAS, 2, decltype(w_s)> scales{p.a_s, p.K, w_s};
  run<Up, CTAS>(l, Dense<CTAS, 2>{{&params.w1_map, &params.w3_map}, params.a_map, l, p.M}, scales, [&](const Tile& t) {
    return [&, t](int32_t m, int32_t n, const Sums<2>& sums) {
      const int64_t row = t.m0 + m;
      const expert_up::Four four(row, n, p.N, true);
      const uint2 y = expert_up::activate(p, four, expert_up::round4(sums.of[0]), expert_up::round4(sums.of[1]), 1.0f);
      expert_up::quantise_e4m3(p, four, y, row * (p.N / 128) + t.n0 / 128);
    };
  });
}

}  // namespace

extern "C" __global__ void __launch_bounds__(THREADS, 1) shared_up(const __grid_constant__ SharedUpSm100Params p) { product<1>(p); }
extern "C" __global__ void __launch_bounds__(THREADS, 1) shared_up_cta_pair(const __grid_constant__ SharedUpSm100Params p) {
  product<plan::PAIR>(p);
}
