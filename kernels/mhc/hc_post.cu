// hc_post: y[k] = post[k] z + sum_j comb[j][k] x[j]
//   (DeepSeek-V4 model.py hc_post; the first index of comb is the source)
//   z bf16 [n_tok, d_model]   x, y bf16 [n_tok, hc, d_model]   post f32 [n_tok, hc]
//   comb f32 [n_tok, hc (source), hc (destination)]
// Numerics: f32 sum with z first, then sources in ascending order, one rounding to bf16.
// Parallel: a CTA covers 1024 channels of a token, 8 a thread. With 4 streams a thread holds all of x; other
//   widths read it again for each destination. May run in place (y = x) with 4 streams.
// Bound: memory, 2 (2 hc + 1) bytes a channel.
#include "hc_post.h"

#include "kernels/common/mhc.cuh"

constexpr int SPAN = 1024;  // channels of a CTA, as many as the launch's grid assumes
constexpr int HC = 4;       // streams of the register path

__device__ inline void four_streams(const HcPostParams& p, int64_t tok, int begin, int end) {
  const bf16_t* x = p.x + tok * HC * p.d_model;
  bf16_t* y = p.y + tok * HC * p.d_model;
  for (int c = begin + threadIdx.x * 8; c < end; c += blockDim.x * 8) {
    float z[8], v[HC][8];
    widen8(load16(p.z + tok * p.d_model + c), z);
#pragma unroll
    for (int j = 0; j < HC; ++j) widen8(load16(x + int64_t(j) * p.d_model + c), v[j]);
#pragma unroll
    for (int k = 0; k < HC; ++k) {
      float to[HC];
#pragma unroll
      for (int j = 0; j < HC; ++j) to[j] = p.comb[(tok * HC + j) * HC + k];
      store16(y + int64_t(k) * p.d_model + c, mhc::post8(z, v, p.post[tok * HC + k], to));
    }
  }
}

__device__ inline void any_streams(const HcPostParams& p, int64_t tok, int begin, int end) {
  const bf16_t* x = p.x + tok * p.hc * p.d_model;
  bf16_t* y = p.y + tok * p.hc * p.d_model;
  for (int c = begin + threadIdx.x; c < end; c += blockDim.x) {
    const float z = __bfloat162float(p.z[tok * p.d_model + c]);
    for (int k = 0; k < p.hc; ++k) {
      float sum = p.post[tok * p.hc + k] * z;
      for (int j = 0; j < p.hc; ++j)
        sum = fmaf(p.comb[(tok * p.hc + j) * p.hc + k], __bfloat162float(x[int64_t(j) * p.d_model + c]), sum);
      y[int64_t(k) * p.d_model + c] = __float2bfloat16_rn(sum);
    }
  }
}

extern "C" __global__ void hc_post(const __grid_constant__ HcPostParams p) {
  const int begin = blockIdx.y * SPAN, end = min(p.d_model, begin + SPAN);
  const bool vectors = rows_are_vectors(p.x, p.d_model) && rows_are_vectors(p.y, p.d_model) &&
                       rows_are_vectors(p.z, p.d_model);
  if (p.hc == HC && vectors)
    four_streams(p, blockIdx.x, begin, end);
  else
    any_streams(p, blockIdx.x, begin, end);
}
