// hc_split: gates and Sinkhorn-normalised mixing matrix   (DeepSeek-V4 kernel.py hc_split_sinkhorn)
//   mix f32 [n_tok, (2 + hc) * hc]   scale f32 [3]   base f32 [(2 + hc) * hc]
//   pre f32 [n_tok, hc]   post f32 [n_tok, hc]   comb f32 [n_tok, hc (source), hc (destination)]
// Numerics: all f32, precise expf and division. A line is multiplied by the reciprocal of its sum: one more
//   rounding each, 2 * iters of them, well inside the declared noise, for a quarter of the divisions.
// Parallel: a thread a token, the matrix in registers.
// Bound: latency of the 2 * iters normalisations, hc divisions each.
#include "hc_split.h"

constexpr int MAX_HC = 8;

__device__ inline float sigmoid(float x) { return 1.f / (1.f + expf(-x)); }

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

// A token of hc <= HC streams; with hc = HC, a constant, every test folds away.
template <int HC>
__device__ inline void split_token(const HcSplitParams& p, int64_t tok, int hc) {
  const float* mix = p.mix + tok * p.n_mix;

  // pre = sigmoid(mix * scale0 + base) + eps; post = 2 sigmoid(mix * scale1 + base)
#pragma unroll
  for (int j = 0; j < HC; ++j) {
    if (j >= hc) break;
    p.pre[tok * hc + j] = sigmoid(mix[j] * p.scale[0] + p.base[j]) + p.eps;
    p.post[tok * hc + j] = 2.f * sigmoid(mix[hc + j] * p.scale[1] + p.base[hc + j]);
  }

  // comb = softmax over destinations of (mix * scale2 + base), + eps
  float c[HC][HC] = {};
#pragma unroll
  for (int j = 0; j < HC; ++j) {
    if (j >= hc) break;
    float top = -INFINITY, sum = 0.f;
#pragma unroll
    for (int k = 0; k < HC; ++k) {
      if (k >= hc) break;
      const int m = (2 + j) * hc + k;
      c[j][k] = mix[m] * p.scale[2] + p.base[m];
      top = fmaxf(top, c[j][k]);
    }
#pragma unroll
    for (int k = 0; k < HC; ++k)
      if (k < hc) sum += c[j][k] = expf(c[j][k] - top);
#pragma unroll
    for (int k = 0; k < HC; ++k)
      if (k < hc) c[j][k] = c[j][k] / sum + p.eps;
  }

  // columns, then iters - 1 times rows and columns
  normalise<HC, true>(c, hc, p.eps);
  for (int it = 1; it < p.iters; ++it) {
    normalise<HC, false>(c, hc, p.eps);
    normalise<HC, true>(c, hc, p.eps);
  }
#pragma unroll
  for (int j = 0; j < HC; ++j)
#pragma unroll
    for (int k = 0; k < HC; ++k)
      if (j < hc && k < hc) p.comb[(tok * hc + j) * hc + k] = c[j][k];
}

extern "C" __global__ void hc_split(const __grid_constant__ HcSplitParams p) {
  const int64_t tok = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (tok >= p.n_tok) return;
  if (p.hc == 4) {
    split_token<4>(p, tok, 4);
  } else {
    if (p.hc > MAX_HC) asm("trap;");  // more streams than a thread's registers hold
    split_token<MAX_HC>(p, tok, p.hc);
  }
}
