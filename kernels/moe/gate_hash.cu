// gate_hash: looks a token's experts up by its id and weighs them by the router's scores.
//
//   ids = tid2eid[token id]; score = sqrt(softplus(logit)); weights = score[ids] / sum of score[ids] *
//   route_scale
//
// cite      DeepSeek-V4 inference/model.py Gate.forward (hash layers: tid2eid)
// shapes    logits f32 [n_tok, n_expert], tok i32 [n_tok], tid2eid i32 [vocab, n_act] -> ids i32, weights f32
//           [n_tok, n_act]
// numerics  f32, full-precision exp, log1p and sqrt; an expert named twice counts twice
// parallel  a thread a token
#include "gate_hash.h"
#include "kernels/common/gate.cuh"

extern "C" __global__ void __launch_bounds__(32) gate_hash(const __grid_constant__ GateHashParams p) {
  const int tok = blockIdx.x * 32 + threadIdx.x;
  if (tok >= p.n_tok) return;
  gate_by_table(p, tok);
}
