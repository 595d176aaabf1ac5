// hc_collapse: y = sum_j pre[j] x[j]   (DeepSeek-V4 model.py hc_pre: sum(pre * x, dim=2))
//   pre f32 [n_tok, hc]   x bf16 [n_tok, hc, d_model]   y bf16 [n_tok, d_model]
// Numerics: f32 sum over streams in ascending order, one rounding to bf16.
// Parallel: a CTA covers 1024 channels of a token, 8 a thread.
// Bound: memory, 2 (hc + 1) bytes a channel.
#include "hc_collapse.h"

#include "kernels/common/mhc.cuh"

constexpr int SPAN = 1024;  // channels of a CTA, as many as the launch's grid assumes

extern "C" __global__ void hc_collapse(const __grid_constant__ HcCollapseParams p) {
  const int64_t tok = blockIdx.x;
  const int end = min(p.d_model, int(blockIdx.y + 1) * SPAN);
  const float* pre = p.pre + tok * p.hc;
  const bf16_t* x = p.x + tok * p.hc * p.d_model;
  bf16_t* y = p.y + tok * p.d_model;
  if (rows_are_vectors(p.x, p.d_model) && rows_are_vectors(p.y, p.d_model)) {
    for (int c = blockIdx.y * SPAN + threadIdx.x * 8; c < end; c += blockDim.x * 8) {
      float sum[8] = {};
#pragma unroll 4
      for (int j = 0; j < p.hc; ++j) {
        float v[8];
        widen8(load16(x + int64_t(j) * p.d_model + c), v);
        mhc::add_stream(pre[j], v, sum);
      }
      store16(y + c, round_bf16x8(sum));
    }
  } else {
    for (int c = blockIdx.y * SPAN + threadIdx.x; c < end; c += blockDim.x) {
      float sum = 0.f;
      for (int j = 0; j < p.hc; ++j) sum = fmaf(pre[j], __bfloat162float(x[int64_t(j) * p.d_model + c]), sum);
      y[c] = __float2bfloat16_rn(sum);
    }
  }
}
