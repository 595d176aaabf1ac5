// The router of one token, by score or by table, for the parameters of any op that has a gate's: logits, ids, weights, and bias or tok and
// tid2eid; n_tok, n_expert, n_act, route_scale.
#pragma once
#include "kernels/common/order.cuh"
#include "kernels/common/reduce.cuh"

// score = sqrt(softplus(logit)), softplus(x) = log(1 + exp(x)), x above 20
__device__ inline float gate_score(float logit) { return sqrtf(logit > 20.0f ? logit : log1pf(expf(logit))); }

// A warp; lane l looks after experts l, l + 32, ... `smem` holds two words an expert.
template <class P>
__device__ inline void gate_by_score(const P& p, int tok, uint32_t* smem) {
  uint32_t* key = smem;                                        // [n_expert], 0 once picked
  float* score = reinterpret_cast<float*>(smem + p.n_expert);  // [n_expert]
  const int lane = threadIdx.x % 32;
  const float* logits = p.logits + int64_t(tok) * p.n_expert;
  int32_t* ids = p.ids + int64_t(tok) * p.n_act;
  float* weights = p.weights + int64_t(tok) * p.n_act;

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

// A thread.
template <class P>
__device__ inline void gate_by_table(const P& p, int tok) {
  const float* logits = p.logits + int64_t(tok) * p.n_expert;
  const int32_t* from = p.tid2eid + int64_t(p.tok[tok]) * p.n_act;
  int32_t* ids = p.ids + int64_t(tok) * p.n_act;
  float* weights = p.weights + int64_t(tok) * p.n_act;

  // ids = tid2eid[token id]; score = sqrt(softplus(logit))
  float sum = 0.0f;
  for (int i = 0; i < p.n_act; ++i) {
    const int32_t id = from[i];
    const float score = gate_score(logits[id]);
    ids[i] = id;
    weights[i] = score;
    sum += score;
  }
  // weights = score / sum * route_scale
  for (int i = 0; i < p.n_act; ++i) weights[i] = weights[i] / sum * p.route_scale;
}
