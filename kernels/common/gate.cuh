// The router of one token, by score or by table, for the parameters of any op that has a gate's: logits, ids, weights, and bias or tok and
// tid2eid; n_tok, n_expert, n_act, route_scale.
#pragma once
#include "kernels/common/order.cuh"
#include "kernels/common/reduce.cuh"

// score = sqrt(softplus(logit)), softplus(x) = log(1 + exp(x)), x above 20
__device__ inline float gate_score(float logit) { return sqrtf(logit > 20.0f ? logit : log1pf(expf(logit))); }

// What a choice among a token's experts needs, in two words an expert of shared memory.
struct Scored {
  uint32_t* key;  // [n_expert], 0 once picked
  float* score;   // [n_expert]
  __device__ Scored(uint32_t* smem, int n_expert) : key(smem), score(reinterpret_cast<float*>(smem + n_expert)) {}
};

// score = sqrt(softplus(logit)), key orders score + bias: of experts `first`, `first` + `step`, ...
template <class P>
__device__ inline void score_experts(const P& p, int tok, uint32_t* smem, int first, int step) {
  const auto [key, score] = Scored(smem, p.n_expert);
  const float* logits = p.logits + int64_t(tok) * p.n_expert;
  for (int e = first; e < p.n_expert; e += step) {
    score[e] = gate_score(logits[e]);
    key[e] = order_key(score[e] + p.bias[e]);
  }
}

// A warp; lane l looks after experts l, l + 32, ...
template <class P>
__device__ inline void choose_experts(const P& p, int tok, uint32_t* smem) {
  const auto [key, score] = Scored(smem, p.n_expert);
  const int lane = threadIdx.x % 32;
  int32_t* ids = p.ids + int64_t(tok) * p.n_act;
  float* weights = p.weights + int64_t(tok) * p.n_act;

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

// A warp.
template <class P>
__device__ inline void gate_by_score(const P& p, int tok, uint32_t* smem) {
  score_experts(p, tok, smem, threadIdx.x % 32, 32);
  __syncwarp();
  choose_experts(p, tok, smem);
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
