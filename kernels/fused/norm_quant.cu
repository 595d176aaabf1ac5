// norm_quant: RMSNorm, then e4m3 codes and power-of-two scales of 1 x block blocks, in one launch
//   x bf16 [n_row, d_model]   w bf16 [d_model]   y bf16 [n_row, d_model] or null
//   q e4m3 [n_row, d_model]   s ue8m0 [n_row, d_model/block]
// Numerics: those of rmsnorm and act_quant_fp8; y is rounded to bf16 before it is quantised, also where nobody asks for it.
// Parallel: one CTA a row (norm_quant.cuh).
// Bound: memory, 3 bytes an element.
#include "norm_quant.h"

#include "kernels/common/norm_quant.cuh"

extern "C" __global__ void norm_quant(const __grid_constant__ NormQuantParams p) {
  __shared__ float scratch[32];
  const int64_t i = blockIdx.x, n_block = (p.d_model + p.block - 1) / p.block;
  const NormQuantRow row{p.x + i * p.d_model, p.w,       p.y ? p.y + i * p.d_model : nullptr, p.q + i * p.d_model,
                         p.s + i * n_block,   p.d_model, p.block,                             p.eps,
                         p.floor};
  row.run(scratch);
}
