// router_dispatch: scores every expert for every token, picks and weighs the token's experts, and sorts the chosen (token, slot) pairs by
// expert, in one launch
//   y bf16 [n_tok, d_model]   w bf16 [n_expert, d_model]   bias f32 [n_expert]   logits f32 [n_tok, n_expert]
//   ids i32, weights f32 [n_tok, n_act]   offset i32 [n_expert + 1]   row_tok, row_slot, row_expert i32 [n_tok n_act]
//   slot_row i32 [n_tok, n_act]
// Numerics: those of linear_f32, gate_topk and moe_dispatch, bit for bit.
// Parallel: a CTA a 64 x 64 tile of the logits. The last one to store its tile chooses, a warp a token, and sorts.
// Bound: the router's weights; for many tokens the last CTA, which is why a long prompt takes the three launches.
#include "router_dispatch.h"

#include "kernels/fused/router.cuh"

extern "C" __global__ void __launch_bounds__(gemm::THREADS, 3) router_dispatch(const __grid_constant__ RouterDispatchParams p) {
  extern __shared__ uint32_t words[];
  if (!router::logits_are_made(p)) return;
  const int warp = threadIdx.x / 32;
  for (int tok = warp; tok < p.n_tok; tok += gemm::N_WARP) {
    gate_by_score(p, tok, words + warp * 2 * p.n_expert);
    __syncwarp();  // its scores are read
  }
  __syncthreads();
  dispatch::rows_of_experts<gemm::N_WARP>(p, reinterpret_cast<int*>(words));
}
