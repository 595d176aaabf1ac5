// gate_topk: picks a token's experts by biased score and weighs them by the unbiased one.
//
//   score = sqrt(softplus(logit)); ids = the n_act largest score + bias, descending, ties to the lowest id
//   weights = score[ids] / sum of score[ids] * route_scale
//
// cite      DeepSeek-V4 inference/model.py Gate.forward (sqrtsoftplus, noaux_tc)
// shapes    logits f32 [n_tok, n_expert], bias f32 [n_expert] -> ids i32, weights f32 [n_tok, n_act]
// numerics  f32, full-precision exp, log1p and sqrt; NaN is picked last
// parallel  one warp a token; lane l looks after experts l, l + 32, ...
#include "gate_topk.h"
#include "kernels/common/gate.cuh"

extern "C" __global__ void __launch_bounds__(32) gate_topk(const __grid_constant__ GateTopkParams p) {
  extern __shared__ uint32_t smem[];
  gate_by_score(p, blockIdx.x, smem);
}
