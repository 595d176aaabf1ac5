// moe_dispatch: sorts (token, slot) pairs by expert, stably, and says where each went.
//
//   rows sorted by expert, then by slot = tok * n_act + i; expert e owns rows offset[e] .. offset[e + 1] - 1
//   row_slot[row] = slot, slot_row[slot] = row, row_tok[row] = slot / n_act, row_expert[row] = ids[slot]
//
// cite      DeepSeek-V4 inference/model.py MoE.forward: rows of each expert
// shapes    ids i32 [n_tok, n_act] -> offset i32 [n_expert + 1], row_tok, row_slot, row_expert i32 [n_tok *
//           n_act], slot_row i32 [n_tok, n_act]
// numerics  integers
// parallel  one CTA (dispatch.cuh)
#include "kernels/common/dispatch.cuh"
#include "moe_dispatch.h"

extern "C" __global__ void __launch_bounds__(dispatch::THREADS) moe_dispatch(const __grid_constant__ MoeDispatchParams p) {
  extern __shared__ int next[];
  dispatch::rows_of_experts(p, next);
}
