// router_dispatch on tcgen05: logits, every token's experts and the rows of every expert in one launch.
//
// shapes    y bf16 [n_tok, d_model], w bf16 [n_expert, d_model], bias f32 [n_expert] -> logits f32 [n_tok, n_expert], ids i32 and weights
//           f32 [n_tok, n_act], offset i32 [n_expert + 1], row_tok, row_slot, row_expert i32 [n_tok n_act], slot_row i32 [n_tok, n_act];
//           up to 128 tokens and 3072 experts, rows of d_model on 16 bytes
// numerics  those of linear_f32, gate_topk and moe_dispatch, bit for bit
// parallel  umma_linear.cuh: a cluster shares d_model of 128 experts. The last cluster to store its logits chooses: its CTAs take tokens in
//           turn, all threads of one score for its tokens, up to eight at once, and a warp a token picks; its first CTA sorts what all have
//           chosen
#include "router_dispatch.h"

#include "kernels/fused/router.sm100.cuh"

extern "C" __global__ void __launch_bounds__(router::THREADS, 1)
    router_dispatch(const __grid_constant__ RouterDispatchSm100Params params) {
  extern __shared__ uint8_t dynamic[];
  const RouterDispatchParams& p = params.op;
  router::make_logits(params);
  if (!arrival::last_cluster(p.arrived)) return;

  const int warp = threadIdx.x / 32, rank = ptx::cluster_ctarank(), n_rank = ptx::cluster_nctarank();
  uint32_t* const words = reinterpret_cast<uint32_t*>(dynamic);
  const auto room = [&](int i) { return words + i * 2 * p.n_expert; };
  for (int first = rank; first < p.n_tok; first += n_rank * dispatch::N_WARP) {
    const auto token = [&](int i) { return first + i * n_rank; };
    for (int i = 0; i < dispatch::N_WARP && token(i) < p.n_tok; ++i) score_experts(p, token(i), room(i), threadIdx.x, router::THREADS);
    __syncthreads();  // all scores are there
    if (token(warp) < p.n_tok) choose_experts(p, token(warp), room(warp));
    __syncthreads();  // they are read
  }
  ptx::cluster_sync();  // ids are in global memory
  if (rank == 0) dispatch::rows_of_experts(p, reinterpret_cast<int*>(dynamic));
}
