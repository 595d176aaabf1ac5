// rmsnorm: y = w * x / sqrt(mean(x^2) + eps)   (DeepSeek-V4 model.py RMSNorm; Zhang & Sennrich 2019, eq. 4)
//   x bf16 [n_row, d_model]   w bf16 [d_model]   y bf16 [n_row, d_model]
// Numerics: sum of squares and product in f32, one rounding to bf16 at the store.
// Parallel: one CTA a row, 8 channels a thread and step; the second pass reads x from L1. May run in place.
// Bound: memory, 4 bytes an element.
#include "rmsnorm.h"

#include "kernels/common/norm.cuh"

extern "C" __global__ void rmsnorm(const __grid_constant__ RmsnormParams p) {
  __shared__ float scratch[32];
  const bf16_t* x = p.x + int64_t(blockIdx.x) * p.d_model;
  bf16_t* y = p.y + int64_t(blockIdx.x) * p.d_model;
  const bool vectors = rows_are_vectors(p.x, p.d_model) && rows_are_vectors(p.w, p.d_model) &&
                       rows_are_vectors(p.y, p.d_model);

  float sum = 0.f;
  if (vectors) {
    for (int c = threadIdx.x * 8; c < p.d_model; c += blockDim.x * 8) sum = sum_of_squares8(load16(x + c), sum);
  } else {
    for (int c = threadIdx.x; c < p.d_model; c += blockDim.x) {
      const float v = __bfloat162float(x[c]);
      sum = fmaf(v, v, sum);
    }
  }

  const float r = norm_factor(block_sum(sum, scratch), p.d_model, p.eps);
  if (vectors) {
    for (int c = threadIdx.x * 8; c < p.d_model; c += blockDim.x * 8) store16(y + c, norm8(load16(x + c), load16(p.w + c), r));
  } else {
    for (int c = threadIdx.x; c < p.d_model; c += blockDim.x) y[c] = norm1(x[c], p.w[c], r);
  }
}
