// gate_hash_dispatch: looks every token's experts up, weighs them and sorts the (token, slot) pairs by expert, in one launch
//   logits f32 [n_tok, n_expert]   tok i32 [n_tok]   tid2eid i32 [vocab, n_act]   ids i32, weights f32 [n_tok, n_act]
//   offset i32 [n_expert + 1]   row_tok, row_slot, row_expert i32 [n_tok n_act]   slot_row i32 [n_tok, n_act]
// Numerics: those of gate_hash and moe_dispatch.
// Parallel: one CTA; a thread a token, then all sort.
// Bound: latency.
#include "gate_hash_dispatch.h"

#include "kernels/common/dispatch.cuh"
#include "kernels/common/gate.cuh"

extern "C" __global__ void __launch_bounds__(dispatch::THREADS) gate_hash_dispatch(const __grid_constant__ GateHashDispatchParams p) {
  extern __shared__ int next[];
  for (int tok = threadIdx.x; tok < p.n_tok; tok += dispatch::THREADS) gate_by_table(p, tok);
  dispatch::rows_of_experts(p, next);
}
