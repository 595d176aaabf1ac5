// router_hash_dispatch on tcgen05: logits, weights of every token's experts and the rows of every expert in one launch.
//
// shapes    y bf16 [n_tok, d_model], w bf16 [n_expert, d_model], tok i32 [n_tok], tid2eid i32 [vocab, n_act] -> logits f32
//           [n_tok, n_expert], ids i32 and weights f32 [n_tok, n_act], offset i32 [n_expert + 1], row_tok, row_slot, row_expert i32
//           [n_tok n_act], slot_row i32 [n_tok, n_act]; up to 128 tokens and 3072 experts, rows of d_model on 16 bytes
// numerics  those of linear_f32, gate_hash and moe_dispatch, bit for bit
// parallel  umma_linear.cuh: a cluster shares d_model of 128 experts. In the first CTA of the last cluster to store its logits a thread
//           looks a token up, then all sort
#include "router_hash_dispatch.h"

#include "kernels/fused/router.sm100.cuh"

extern "C" __global__ void __launch_bounds__(router::THREADS, 1)
    router_hash_dispatch(const __grid_constant__ RouterHashDispatchSm100Params params) {
  extern __shared__ uint8_t dynamic[];
  const RouterHashDispatchParams& p = params.op;
  router::make_logits(params);
  if (ptx::cluster_ctarank() != 0 || !arrival::last_cta(p.arrived, gridDim.x / ptx::cluster_nctarank())) return;

  for (int tok = threadIdx.x; tok < p.n_tok; tok += router::THREADS) gate_by_table(p, tok);
  dispatch::rows_of_experts(p, reinterpret_cast<int*>(dynamic));
}
