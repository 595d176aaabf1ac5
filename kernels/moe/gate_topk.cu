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
#include "kernels/common/order.cuh"
#include "kernels/common/reduce.cuh"
#include "kernels/moe/score.cuh"

extern "C" __global__ void __launch_bounds__(32) gate_topk(const __grid_constant__ GateTopkParams p) {
  extern __shared__ uint32_t smem[];
  uint32_t* key = smem;                                             // [n_expert], 0 once picked
  float* score = reinterpret_cast<float*>(smem + p.n_expert);       // [n_expert]
  const int lane = threadIdx.x;
  const float* logits = p.logits + int64_t(blockIdx.x) * p.n_expert;
  int32_t* ids = p.ids + int64_t(blockIdx.x) * p.n_act;
  float* weights = p.weights + int64_t(blockIdx.x) * p.n_act;

  // score = sqrt(softplus(logit)); key orders score + bias
  for (int e = lane; e < p.n_expert; e += 32) {
    score[e] = gate_score(logits[e]);
    key[e] = order_key(score[e] + p.bias[e]);
  }
  __syncwarp();

  // ids: n_act times the largest key, the lowest id among equals
  float sum = 0.0f;
  for (int i = 0; i < p.n_act; ++i) {
    uint32_t best = 0;
    uint32_t best_id = ~0u;
    for (int e = lane; e < p.n_expert; e += 32) {
      const uint32_t k = key[e];
      if (k > best) {
        best = k;
        best_id = e;
      }
    }
    const uint32_t top = __reduce_max_sync(FULL_WARP, best);
    const uint32_t id = __reduce_min_sync(FULL_WARP, best == top ? best_id : ~0u);
    sum += score[id];
    if (id % 32 == lane) {
      key[id] = 0;
      ids[i] = int32_t(id);
    }
  }
  __syncwarp();

  // weights = score / sum * route_scale
  for (int i = lane; i < p.n_act; i += 32) weights[i] = score[ids[i]] / sum * p.route_scale;
}
