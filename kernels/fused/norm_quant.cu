// norm_quant: RMSNorm, then e4m3 codes and power-of-two scales of 1 x block blocks, in one launch
//   x bf16 [n_row, d_model]   w bf16 [d_model]   y bf16 [n_row, d_model] or null
//   q e4m3 [n_row, d_model]   s ue8m0 [n_row, d_model/block]
// Numerics: those of rmsnorm and act_quant_fp8; y is rounded to bf16 before it is quantised, also where nobody asks for it.
// Parallel: one CTA a row, 8 channels a thread and step; the second pass reads x from L1, and block / 8 neighbouring lanes share a
//   scale. Other block sizes and unaligned rows: one warp a block.
// Bound: memory, 3 bytes an element.
#include "norm_quant.h"

#include "kernels/common/norm.cuh"
#include "kernels/common/quant.cuh"

namespace {

struct Row {
  const bf16_t *x, *w;
  bf16_t* y;
  e4m3_t* q;
  ue8m0_t* s;
};

__device__ inline void row_of_vectors(const NormQuantParams& p, const Row& row, float* scratch) {
  float sum = 0.f;
  for (int c = threadIdx.x * 8; c < p.d_model; c += blockDim.x * 8) sum = sum_of_squares8(load16(row.x + c), sum);
  const float r = norm_factor(block_sum(sum, scratch), p.d_model, p.eps);

  for (int c0 = 0; c0 < p.d_model; c0 += blockDim.x * 8) {
    const int c = c0 + threadIdx.x * 8;
    const bool inside = c < p.d_model;
    const uint4 y = inside ? norm8(load16(row.x + c), load16(row.w + c), r) : uint4{};
    const uint32_t code = block_scale_code(warp_max(abs_max_bits(y), p.block / 8), p.floor, E4M3_INV_MAX);
    if (!inside) continue;
    if (row.y) store16(row.y + c, y);
    *reinterpret_cast<uint2*>(row.q + c) = quantise8_e4m3(y, ue8m0_reciprocal(code));
    if (c % p.block == 0) row.s[c / p.block] = ue8m0_t(code);
  }
}

__device__ inline void row_of_scalars(const NormQuantParams& p, const Row& row, float* scratch) {
  float sum = 0.f;
  for (int c = threadIdx.x; c < p.d_model; c += blockDim.x) {
    const float v = __bfloat162float(row.x[c]);
    sum = fmaf(v, v, sum);
  }
  const float r = norm_factor(block_sum(sum, scratch), p.d_model, p.eps);

  const int lane = threadIdx.x % 32, n_block = (p.d_model + p.block - 1) / p.block;
  for (int b = threadIdx.x / 32; b < n_block; b += blockDim.x / 32) {
    const int end = min(p.d_model, (b + 1) * p.block);
    uint32_t amax = 0;
    for (int c = b * p.block + lane; c < end; c += 32) amax = max(amax, abs_bits(norm1(row.x[c], row.w[c], r)));
    const uint32_t code = block_scale_code(warp_max(amax), p.floor, E4M3_INV_MAX);
    const float inv = ue8m0_reciprocal(code);
    for (int c = b * p.block + lane; c < end; c += 32) {
      const bf16_t y = norm1(row.x[c], row.w[c], r);
      if (row.y) row.y[c] = y;
      row.q[c] = quantise1_e4m3(y, inv);
    }
    if (lane == 0) row.s[b] = ue8m0_t(code);
  }
}

}  // namespace

extern "C" __global__ void norm_quant(const __grid_constant__ NormQuantParams p) {
  __shared__ float scratch[32];
  const int64_t i = blockIdx.x, n_block = (p.d_model + p.block - 1) / p.block;
  const Row row{p.x + i * p.d_model, p.w, p.y ? p.y + i * p.d_model : nullptr, p.q + i * p.d_model, p.s + i * n_block};
  const int group = p.block / 8;  // lanes that share a scale
  const bool groups_fit = p.block % 8 == 0 && group <= 32 && (group & (group - 1)) == 0;
  if (groups_fit && rows_are_vectors(p.x, p.d_model) && rows_are_vectors(p.w, p.d_model) && rows_are_vectors(p.y, p.d_model) &&
      reinterpret_cast<uintptr_t>(p.q) % 8 == 0)
    row_of_vectors(p, row, scratch);
  else
    row_of_scalars(p, row, scratch);
}
