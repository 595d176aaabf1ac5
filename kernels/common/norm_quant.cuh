// RMSNorm of a row and its e4m3 codes with power-of-two scales of 1 x block blocks, by a CTA.
#pragma once
#include "kernels/common/norm.cuh"
#include "kernels/common/quant.cuh"

struct NormQuantRow {
  const bf16_t *x, *w;
  bf16_t* y;  // null where nobody watches the normed row
  e4m3_t* q;
  ue8m0_t* s;
  int d_model, block;
  float eps, floor;

  // Eight channels a thread and step; the second pass reads x from L1, and block / 8 neighbouring lanes share a scale.
  __device__ inline void vectors(float* scratch) const {
    float sum = 0.f;
    for (int c = threadIdx.x * 8; c < d_model; c += blockDim.x * 8) sum = sum_of_squares8(load16(x + c), sum);
    const float r = norm_factor(block_sum(sum, scratch), d_model, eps);

    for (int c0 = 0; c0 < d_model; c0 += blockDim.x * 8) {
      const int c = c0 + threadIdx.x * 8;
      if (c - int(threadIdx.x % 32) * 8 >= d_model) break;  // whole warps: a scale may lie across the row's end
      const bool inside = c < d_model;
      const uint4 v = inside ? norm8(load16(x + c), load16(w + c), r) : uint4{};
      const uint32_t code = block_scale_code(warp_max(abs_max_bits(v), block / 8), floor, E4M3_INV_MAX);
      if (!inside) continue;
      if (y) store16(y + c, v);
      *reinterpret_cast<uint2*>(q + c) = quantise8_e4m3(v, ue8m0_reciprocal(code));
      if (c % block == 0) s[c / block] = ue8m0_t(code);
    }
  }

  // Any block, any alignment: a warp a block.
  __device__ inline void scalars(float* scratch) const {
    float sum = 0.f;
    for (int c = threadIdx.x; c < d_model; c += blockDim.x) {
      const float v = __bfloat162float(x[c]);
      sum = fmaf(v, v, sum);
    }
    const float r = norm_factor(block_sum(sum, scratch), d_model, eps);

    const int lane = threadIdx.x % 32, n_block = (d_model + block - 1) / block;
    for (int b = threadIdx.x / 32; b < n_block; b += blockDim.x / 32) {
      const int end = min(d_model, (b + 1) * block);
      uint32_t amax = 0;
      for (int c = b * block + lane; c < end; c += 32) amax = max(amax, abs_bits(norm1(x[c], w[c], r)));
      const uint32_t code = block_scale_code(warp_max(amax), floor, E4M3_INV_MAX);
      const float inv = ue8m0_reciprocal(code);
      for (int c = b * block + lane; c < end; c += 32) {
        const bf16_t v = norm1(x[c], w[c], r);
        if (y) y[c] = v;
        q[c] = quantise1_e4m3(v, inv);
      }
      if (lane == 0) s[b] = ue8m0_t(code);
    }
  }

  __device__ inline void run(float* scratch) const {
    const int group = block / 8;  // lanes that share a scale
    const bool groups_fit = block % 8 == 0 && group <= 32 && (group & (group - 1)) == 0;
    if (groups_fit && rows_are_vectors(x, d_model) && rows_are_vectors(w, d_model) && rows_are_vectors(y, d_model) &&
        reinterpret_cast<uintptr_t>(q) % 8 == 0)
      vectors(scratch);
    else
      scalars(scratch);
  }
};
