// The product of a router on tcgen05, for router_dispatch and router_hash_dispatch: linear_f32's, tile for tile. What comes after it has
// the CTA's dynamic shared memory up to the product's barriers, whose objects stay what they are.
#pragma once
#include "kernels/common/arrival.cuh"
#include "kernels/common/dispatch.cuh"
#include "kernels/common/gate.cuh"
#include "kernels/common/umma_linear.cuh"

namespace router {

using umma_linear::THREADS;
static_assert(THREADS == dispatch::THREADS && dispatch::N_WARP == plan::Router::CHOICE_WARPS, "as the plan counts them");

// When it returns, the threads of a cluster have met since they stored their logits.
template <class Params>
__device__ __forceinline__ void make_logits(const Params& params) {
  using namespace umma_linear;
  const auto& p = params.op;
  const plan::Linear l = plan::dense(p.n_tok, p.n_expert, p.d_model, plan::BF16, 1, params.tokens);
  run<Bf16, 1>(l, Dense<1>{{&params.w_map}, params.y_map, l, p.n_tok}, NoFill{}, [&](const Tile& t) {
    return [to = p.logits + int64_t(t.m0) * p.n_expert, N = p.n_expert](int32_t m, int32_t n, float v) { to[int64_t(m) * N + n] = v; };
  });
}

}  // namespace router
