// router_dispatch on tcgen05: logits, every token's experts and the rows of every expert in one launch.
//
// shapes    y bf16 [n_tok, d_model], w bf16 [n_expert, d_model], bias f32 [n_expert] -> logits f32 [n_tok, n_expert], ids i32 and weights
//           f32 [n_tok, n_act], offset i32 [n_expert + 1], row_tok, row_slot, row_expert i32 [n_tok n_act], slot_row i32 [n_tok, n_act];
//           up to 128 tokens and 3072 experts, rows of d_model on 16 bytes
// numerics  those of linear_f32, gate_topk and moe_dispatch, bit for bit
// parallel  umma_linear.cuh: a cluster shares d_model of 128 experts. The last cluster to store its logits chooses: a warp a token, in each
//           of its CTAs in turn eight tokens; its first CTA sorts what all have chosen
#include "router_dispatch.h"

#include "kernels/fused/router.sm100.cuh"

extern "C" __global__ void __launch_bounds__(router::THREADS, 1)
    router_dispatch(const __grid_constant__ RouterDispatchSm100Params params) {
  extern __shared__ uint8_t dynamic[];
  const RouterDispatchParams& p = params.op;
  router::make_logits(params);
  if (!arrival::last_cluster(p.arrived)) return;

  uint32_t* const words = reinterpret_cast<uint32_t*>(dynamic);
  const int warp = threadIdx.x / 32, rank = ptx::cluster_ctarank(), at_once = ptx::cluster_nctarank() * dispatch::N_WARP;
  for (int tok = rank * dispatch::N_WARP + warp; tok < p.n_tok; tok += at_once) {
    gate_by_score(p, tok, words + warp * 2 * p.n_expert);
    __syncwarp();  // its scores are read
  }
  ptx::cluster_sync();  // ids are in global memory
  if (rank == 0) dispatch::rows_of_experts(p, reinterpret_cast<int*>(words));
}
