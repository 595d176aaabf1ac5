// Manifold-constrained hyper-connections in registers: gates, the mixing matrix, and weighted sums of streams, all f32
// (DeepSeek-V4 inference/model.py hc_pre, hc_post, hc_head; kernel.py hc_split_sinkhorn).
#pragma once
#include "kernels/common/vec.cuh"

namespace mhc {

__device__ inline float sigmoid(float x) { return 1.f / (1.f + expf(-x)); }

// pre = sigmoid(mix * scale + base) + eps; post = 2 sigmoid(mix * scale + base). DeepSeek's kernel rounds mix * scale + base once; for the
// head it is two operations.
__device__ inline float pre_gate(float mix, float scale, float base, float eps) { return sigmoid(fmaf(mix, scale, base)) + eps; }
__device__ inline float post_gate(float mix, float scale, float base) { return 2.f * sigmoid(fmaf(mix, scale, base)); }
__device__ inline float head_gate(float mix, float scale, float base, float eps) {
  return sigmoid(__fadd_rn(__fmul_rn(mix, scale), base)) + eps;
}

// c[i][*] /= sum + eps over rows, or over columns when BY_COLUMN
template <int HC, bool BY_COLUMN>
__device__ inline void normalise(float (&c)[HC][HC], int hc, float eps) {
#pragma unroll
  for (int i = 0; i < HC; ++i) {
    float sum = 0.f;
#pragma unroll
    for (int j = 0; j < HC; ++j) sum += BY_COLUMN ? c[j][i] : c[i][j];
    const float inverse = i < hc ? 1.f / (sum + eps) : 1.f;  // lines past hc are zero and stay so
#pragma unroll
    for (int j = 0; j < HC; ++j) (BY_COLUMN ? c[j][i] : c[i][j]) *= inverse;
  }
}

// The mixing matrix of hc <= HC streams out of its hc * hc logits; with hc = HC, a constant, every test folds away.
template <int HC>
__device__ inline void mixing_matrix(const float* mix, float scale, const float* base, float eps, int iters, int hc, float (&c)[HC][HC]) {
  // comb = softmax over destinations of (mix * scale + base), + eps
#pragma unroll
  for (int j = 0; j < HC; ++j) {
    if (j >= hc) break;
    float top = -INFINITY, sum = 0.f;
#pragma unroll
    for (int k = 0; k < HC; ++k) {
      if (k >= hc) break;
      c[j][k] = fmaf(mix[j * hc + k], scale, base[j * hc + k]);
      top = fmaxf(top, c[j][k]);
    }
#pragma unroll
    for (int k = 0; k < HC; ++k)
      if (k < hc) sum += c[j][k] = expf(c[j][k] - top);
#pragma unroll
    for (int k = 0; k < HC; ++k)
      if (k < hc) c[j][k] = c[j][k] / sum + eps;
  }

  // columns, then iters - 1 times rows and columns
  normalise<HC, true>(c, hc, eps);
  for (int it = 1; it < iters; ++it) {
    normalise<HC, false>(c, hc, eps);
    normalise<HC, true>(c, hc, eps);
  }
}

// One stream's share of a weighted sum of streams, eight channels of it.
__device__ inline void add_stream(float weight, const float (&x)[8], float (&sum)[8]) {
#pragma unroll
  for (int i = 0; i < 8; ++i) sum[i] = fmaf(weight, x[i], sum[i]);
}

// bf16(post z + sum_j to[j] x[j]): eight channels of a destination, z first, then sources in ascending order.
template <int HC>
__device__ inline uint4 post8(const float (&z)[8], const float (&x)[HC][8], float post, const float (&to)[HC]) {
  float sum[8];
#pragma unroll
  for (int i = 0; i < 8; ++i) sum[i] = post * z[i];
#pragma unroll
  for (int j = 0; j < HC; ++j) add_stream(to[j], x[j], sum);
  return round_bf16x8(sum);
}

}  // namespace mhc
