// project_y_hca on tcgen05: q_a and kv_a, FP8, of y8, and the compressor's kv and gate, BF16, of y, in one launch.
//
// shapes    y bf16 [M, K], y8 e4m3 [M, K], y8_s ue8m0 [M, K/128], weights [N, K], those of FP8 with scales ue8m0 [N/128, K/128]
//           -> q_a bf16 [M, n_q], kv_a bf16 [M, n_kv], kv and gate f32 [M, n_comp]; rows of y8 on 16 bytes
// numerics  those of linear_fp8 and linear_f32; bit for bit where each alone has its K cut into as many parts (plan::Joint)
// parallel  project_y.sm100.cuh
#include "project_y.sm100.cuh"
#include "project_y_hca.h"

namespace {

using umma_linear::THREADS;

template <int32_t CTAS>
__device__ __forceinline__ void product(const ProjectYHcaSm100Params& params) {
  const ProjectYHcaParams& p = params.op;
  project_y::run<CTAS>(params,
                       {{&params.q_a_w_map, p.q_a_w_s, p.q_a, p.n_q, true}, {&params.kv_a_w_map, p.kv_a_w_s, p.kv_a, p.n_kv, true}},
                       {{&params.kv_w_map, nullptr, p.kv, p.n_comp, false}, {&params.gate_w_map, nullptr, p.gate, p.n_comp, false}});
}

}  // namespace

extern "C" __global__ void __launch_bounds__(THREADS, 1) project_y_hca(const __grid_constant__ ProjectYHcaSm100Params p) { product<1>(p); }
extern "C" __global__ void __launch_bounds__(THREADS, 1) project_y_hca_cta_pair(const __grid_constant__ ProjectYHcaSm100Params p) {
  product<plan::PAIR>(p);
}
