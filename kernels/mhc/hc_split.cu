// hc_split: gates and Sinkhorn-normalised mixing matrix   (DeepSeek-V4 kernel.py hc_split_sinkhorn)
//   mix f32 [n_tok, (2 + hc) * hc]   scale f32 [3]   base f32 [(2 + hc) * hc]
//   pre f32 [n_tok, hc]   post f32 [n_tok, hc]   comb f32 [n_tok, hc (source), hc (destination)]
// Numerics: all f32, precise expf and division. A line is multiplied by the reciprocal of its sum: one more
//   rounding each, 2 * iters of them, well inside the declared noise, for a quarter of the divisions.
// Parallel: a thread a token, the matrix in registers.
// Bound: latency of the 2 * iters normalisations, hc divisions each.
#include "hc_split.h"

#include "kernels/common/mhc.cuh"

constexpr int MAX_HC = 8;

// A token of hc <= HC streams; with hc = HC, a constant, every test folds away.
template <int HC>
__device__ inline void split_token(const HcSplitParams& p, int64_t tok, int hc) {
  const float* mix = p.mix + tok * p.n_mix;

#pragma unroll
  for (int j = 0; j < HC; ++j) {
    if (j >= hc) break;
    p.pre[tok * hc + j] = mhc::pre_gate(mix[j], p.scale[0], p.base[j], p.eps);
    p.post[tok * hc + j] = mhc::post_gate(mix[hc + j], p.scale[1], p.base[hc + j]);
  }
  float c[HC][HC] = {};
  mhc::mixing_matrix<HC>(mix + 2 * hc, p.scale[2], p.base + 2 * hc, p.eps, p.iters, hc, c);
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
