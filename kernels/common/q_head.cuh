// One query head in a warp: RMS without weight, then the rotation of the last 2 * n_freq channels, rounded once
//   (DeepSeek-V4 model.py Attention.forward; one rounding as in the fused kernels of vLLM).
#pragma once
#include "kernels/common/reduce.cuh"
#include "kernels/common/rope.cuh"

struct QHead {
  int head_dim, n_freq;
  float eps;
  const float2* cos_sin;  // [n_freq], of the head's token

  __device__ inline int n_plain() const { return head_dim - 2 * n_freq; }
  // True when heads at q and y can be worked on eight channels at a time.
  __device__ inline bool are_vectors(const bf16_t* q, const bf16_t* y) const {
    return n_plain() % 8 == 0 && rows_are_vectors(q, head_dim) && rows_are_vectors(y, head_dim);
  }
  __device__ inline float factor(float sum) const { return 1.f / sqrtf(warp_sum(sum) / float(head_dim) + eps); }

  // (e, o) * r * (cos + i sin)
  __device__ static inline uint32_t turned(uint32_t pair, float r, float2 cs) {
    return rotate(bf16_low(pair) * r, bf16_high(pair) * r, cs);
  }

  __device__ inline void vectors(const bf16_t* q, bf16_t* y, int lane) const {
    float sum = 0.f;
    for (int c = lane * 8; c < head_dim; c += 256) {
      float v[8];
      widen8(load16(q + c), v);
#pragma unroll
      for (int i = 0; i < 8; ++i) sum = fmaf(v[i], v[i], sum);
    }
    const float r = factor(sum);
    for (int c = lane * 8; c < head_dim; c += 256) {
      const uint4 v = load16(q + c);
      if (c < n_plain()) {
        float u[8];
        widen8(v, u);
#pragma unroll
        for (int i = 0; i < 8; ++i) u[i] *= r;
        store16(y + c, round_bf16x8(u));
      } else {
        const float2* cs = cos_sin + (c - n_plain()) / 2;
        store16(y + c, {turned(v.x, r, cs[0]), turned(v.y, r, cs[1]), turned(v.z, r, cs[2]), turned(v.w, r, cs[3])});
      }
    }
  }

  __device__ inline void scalars(const bf16_t* q, bf16_t* y, int lane) const {
    float sum = 0.f;
    for (int c = lane; c < head_dim; c += 32) {
      const float v = __bfloat162float(q[c]);
      sum = fmaf(v, v, sum);
    }
    const float r = factor(sum);
    for (int c = lane; c < n_plain(); c += 32) y[c] = __float2bfloat16_rn(__bfloat162float(q[c]) * r);
    for (int i = lane; i < n_freq; i += 32) {
      const int c = n_plain() + 2 * i;
      const uint32_t pair = __bfloat16_as_ushort(q[c]) | uint32_t(__bfloat16_as_ushort(q[c + 1])) << 16;
      const uint32_t rotated = turned(pair, r, cos_sin[i]);
      y[c] = __ushort_as_bfloat16(uint16_t(rotated));
      y[c + 1] = __ushort_as_bfloat16(uint16_t(rotated >> 16));
    }
  }
};
