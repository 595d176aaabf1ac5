// mtp_fuse: x[j] = bf16(e + h[j])
//   (DeepSeek-V4 model.py MTPBlock.forward: e_proj(e).unsqueeze(2) + h_proj(h))
//   e bf16 [n_tok, d_model]   h, x bf16 [n_tok, hc, d_model]
// Numerics: rounding the f32 sum of two bf16 to bf16 gives the correctly rounded sum (24 >= 2 * 8 + 2 bits).
// Parallel: a CTA covers 1024 channels of a token, 8 a thread. May run in place (x = h).
// Bound: memory, 2 (2 hc + 1) bytes a channel.
#include "mtp_fuse.h"

#include "kernels/common/vec.cuh"

constexpr int SPAN = 1024;  // channels of a CTA, as many as the launch's grid assumes

extern "C" __global__ void mtp_fuse(const __grid_constant__ MtpFuseParams p) {
  const int64_t tok = blockIdx.x;
  const bf16_t* e = p.e + tok * p.d_model;
  const bf16_t* h = p.h + tok * p.hc * p.d_model;
  bf16_t* x = p.x + tok * p.hc * p.d_model;
  const int end = min(p.d_model, int(blockIdx.y + 1) * SPAN);
  const bool vectors = rows_are_vectors(p.e, p.d_model) && rows_are_vectors(p.h, p.d_model) &&
                       rows_are_vectors(p.x, p.d_model);
  if (vectors) {
    for (int c = blockIdx.y * SPAN + threadIdx.x * 8; c < end; c += blockDim.x * 8) {
      float a[8];
      widen8(load16(e + c), a);
      for (int j = 0; j < p.hc; ++j) {
        float b[8];
        widen8(load16(h + int64_t(j) * p.d_model + c), b);
#pragma unroll
        for (int i = 0; i < 8; ++i) b[i] += a[i];
        store16(x + int64_t(j) * p.d_model + c, round_bf16x8(b));
      }
    }
  } else {
    for (int c = blockIdx.y * SPAN + threadIdx.x; c < end; c += blockDim.x)
      for (int j = 0; j < p.hc; ++j) {
        const int64_t at = int64_t(j) * p.d_model + c;
        x[at] = __float2bfloat16_rn(__bfloat162float(e[c]) + __bfloat162float(h[at]));
      }
  }
}
