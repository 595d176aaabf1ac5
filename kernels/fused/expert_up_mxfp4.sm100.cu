// expert_up_mxfp4 on tcgen05: w1 and w3 of each expert on its rows, the clamped gated activation times the routing weight, its e4m3 codes.
//
//   row i of expert e, s = src_row[i]:   g, u = bf16(a[s] w1[e]T), bf16(a[s] w3[e]T)   act = bf16(swiglu(g, u) weight[row_slot[i]])
//   q, s = codes and scales of act in blocks of 128
//
// cite      DeepSeek-V4 inference/model.py Expert.forward
// shapes    as the portable kernel's; N and K multiples of 128
// numerics  those of expert_linear_mxfp4, swiglu and act_quant_fp8
// parallel  umma_linear.cuh: 128 rows of w1 and the same of w3 x up to 128 rows of an expert a tile, which is one block of the quantiser
//           for each row; a warp finishes a row; pairs of CTAs where rows are many
#include "expert_up_mxfp4.h"
#include "kernels/common/expert_up.cuh"
#include "kernels/common/umma_expert.cuh"
#include "kernels/common/umma_linear.cuh"

namespace {

using namespace umma_linear;
using Up = Finished<Mxfp4, 2>;

template <int32_t CTAS>
__device__ __forceinline__ void product(const ExpertUpMxfp4Sm100Params& params) {
  const ExpertUpMxfp4Params& p = params.op;
  const plan::Linear l = plan::experts(p.n_row, p.n_expert, p.N, p.K, Up::STAGE, CTAS, params.tokens);
  const GatheredRows<CTAS> a{params.a_map, p.src_row};
  const Experts<CTAS, GatheredRows<CTAS>, 2> experts{
      {&params.w1_map, &params.w3_map}, a, l, p.offset, p.expert_slot, p.n_expert, p.n_slot};
  run<Up, CTAS>(l, experts, Mxfp4Scales<CTAS, 2>{p.a_s, a, {p.w1_s, p.w3_s}, p.N, p.K}, [&](const Tile& t) {
    return [&, t](int32_t m, int32_t n, const Sums<2>& sums) {
      const int64_t row = t.m0 + m;
      const expert_up::Four four(row, n, p.N, true);
      const uint2 g = expert_up::round4(sums.of[0]), u = expert_up::round4(sums.of[1]);
      const uint2 y = expert_up::activate(p, four, g, u, expert_up::weight_of(p, row));
      expert_up::quantise_e4m3(p, four, y, row * (p.N / 128) + t.n0 / 128);
    };
  });
}

}  // namespace

extern "C" __global__ void __launch_bounds__(THREADS, 1) expert_up_mxfp4(const __grid_constant__ ExpertUpMxfp4Sm100Params p) {
  product<1>(p);
}
extern "C" __global__ void __launch_bounds__(THREADS, 1) expert_up_mxfp4_cta_pair(const __grid_constant__ ExpertUpMxfp4Sm100Params p) {
  product<plan::PAIR>(p);
}
