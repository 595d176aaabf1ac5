// router_hash_dispatch: scores every expert for every token, looks the token's experts up, weighs them and sorts the (token, slot) pairs by
// expert, in one launch
//   y bf16 [n_tok, d_model]   w bf16 [n_expert, d_model]   tok i32 [n_tok]   tid2eid i32 [vocab, n_act]   logits f32 [n_tok, n_expert]
//   ids i32, weights f32 [n_tok, n_act]   offset i32 [n_expert + 1]   row_tok, row_slot, row_expert i32 [n_tok n_act]
//   slot_row i32 [n_tok, n_act]
// Numerics: those of linear_f32, gate_hash and moe_dispatch, bit for bit.
// Parallel: a CTA a 64 x 64 tile of the logits. In the last one to store its tile a thread looks a token up, then all sort.
// Bound: the router's weights.
#include "router_hash_dispatch.h"

#include "kernels/fused/router.cuh"

extern "C" __global__ void __launch_bounds__(gemm::THREADS, 3) router_hash_dispatch(const __grid_constant__ RouterHashDispatchParams p) {
  extern __shared__ int next[];
  if (!router::logits_are_made(p)) return;
  for (int tok = threadIdx.x; tok < p.n_tok; tok += gemm::THREADS) gate_by_table(p, tok);
  dispatch::rows_of_experts<gemm::N_WARP>(p, next);
}
