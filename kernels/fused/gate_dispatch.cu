// gate_dispatch: picks and weighs every token's experts and sorts the chosen (token, slot) pairs by expert, in one launch
//   logits f32 [n_tok, n_expert]   bias f32 [n_expert]   ids i32, weights f32 [n_tok, n_act]
//   offset i32 [n_expert + 1]   row_tok, row_slot, row_expert i32 [n_tok n_act]   slot_row i32 [n_tok, n_act]
// Numerics: those of gate_topk and moe_dispatch.
// Parallel: a cluster; one warp a token, as many CTAs as there are eights of tokens, up to 8. The first CTA sorts what all have chosen.
// Bound: latency; for many tokens the sorting CTA, which is why a long prompt takes the two launches.
#include "gate_dispatch.h"

#include "kernels/common/dispatch.cuh"
#include "kernels/common/gate.cuh"
#include "kernels/ptx/cluster.cuh"

extern "C" __global__ void __launch_bounds__(dispatch::THREADS) gate_dispatch(const __grid_constant__ GateDispatchParams p) {
  extern __shared__ uint32_t smem[];
  const int warp = threadIdx.x / 32;
  for (int tok = blockIdx.x * dispatch::N_WARP + warp; tok < p.n_tok; tok += gridDim.x * dispatch::N_WARP) {
    gate_by_score(p, tok, smem + warp * 2 * p.n_expert);
    __syncwarp();  // its scores are read
  }
  ptx::cluster_sync();  // ids are in global memory
  if (blockIdx.x == 0) dispatch::rows_of_experts(p, reinterpret_cast<int*>(smem));
}
