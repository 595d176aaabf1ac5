// expert_up_nvfp4 on tcgen05: w1 and w3 of each expert on its rows, the clamped gated activation times the routing weight, its NVFP4 codes.
//
//   row i of expert e:   g, u = bf16(a[i] w1[e]T), bf16(a[i] w3[e]T)   act = bf16(swiglu(g, u) weight[row_slot[i]])
//   q, s = codes and scales of act in blocks of 16 under act_global[row_expert[i]]
//
// cite      DeepSeek-V4 inference/model.py Expert.forward; NVIDIA Model-Optimizer NVFP4
// shapes    as the portable kernel's; N a multiple of 128, K of 64
// numerics  those of expert_linear_nvfp4, swiglu and act_quant_nvfp4
// parallel  umma_linear.cuh: 128 rows of w1 and the same of w3 x up to 128 rows of an expert a tile; a warp finishes a row, four lanes a
//           block of the quantiser; pairs of CTAs where rows are many
#include "expert_up_nvfp4.h"
#include "kernels/common/expert_up.cuh"
#include "kernels/common/umma_expert.cuh"
#include "kernels/common/umma_linear.cuh"

namespace {

using namespace umma_linear;
using Up = Finished<Nvfp4, 2>;

template <int32_t CTAS>
__device__ __forceinline__ void product(const ExpertUpNvfp4Sm100Params& params) {
  const ExpertUpNvfp4Params& p = params.op;
  const plan::Linear l = plan::experts(p.n_row, p.n_expert, p.N, p.K, Up::STAGE, CTAS, params.tokens);
  const Experts<CTAS, RowsInOrder<CTAS>, 2> experts{
      {&params.w1_map, &params.w3_map}, {params.a_map}, l, p.offset, p.expert_slot, p.n_expert, p.n_slot};
  run<Up, CTAS>(l, experts, Nvfp4Scales<CTAS, 2>{p.a_s, {p.w1_s, p.w3_s}, p.N, p.K}, [&](const Tile& t) {
    const float of_a = p.a_global[t.group], of_g = of_a * p.w1_global[t.matrix], of_u = of_a * p.w3_global[t.matrix];
    return [&, t, of_g, of_u](int32_t m, int32_t n, const Sums<2>& sums) {
      const int64_t row = t.m0 + m;
      const expert_up::Four four(row, n, p.N, true);
      const uint2 g = expert_up::round4(sums.of[0], of_g), u = expert_up::round4(sums.of[1], of_u);
      const uint2 y = expert_up::activate(p, four, g, u, expert_up::weight_of(p, row));
      expert_up::quantise_nvfp4(p, four, y, p.act_global[p.row_expert[row]], row * (p.N / 16) + n / 16);
    };
  });
}

}  // namespace

extern "C" __global__ void __launch_bounds__(THREADS, 1) expert_up_nvfp4(const __grid_constant__ ExpertUpNvfp4Sm100Params p) {
  product<1>(p);
}
extern "C" __global__ void __launch_bounds__(THREADS, 1) expert_up_nvfp4_cta_pair(const __grid_constant__ ExpertUpNvfp4Sm100Params p) {
  product<plan::PAIR>(p);
}
