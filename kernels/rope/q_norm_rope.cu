// q_norm_rope: per-head RMS without weight, then the rotation of the last 2 * n_freq channels
//   (DeepSeek-V4 model.py Attention.forward; one rounding as in the fused kernels of vLLM)
//   q bf16 [n_tok, n_head, head_dim]   pos i32 [n_tok]   freq f32 [n_freq]   y bf16 [n_tok, n_head, head_dim]
// Numerics: r = 1 / sqrt(mean(q^2) + eps), angle = fl32(pos * freq), all f32, one rounding to bf16 after the
//   rotation.
// Parallel: a CTA of 4 warps takes 8 heads of a token and computes the token's sines once; a warp takes whole
//   heads. May run in place.
// Bound: memory, 4 bytes an element.
#include "q_norm_rope.h"

#include "kernels/common/reduce.cuh"
#include "kernels/common/vec.cuh"

constexpr int HEADS = 8;  // of a CTA: as many as the launch's grid assumes

// (e, o) * r * (cos + i sin)
__device__ inline uint32_t rotate(uint32_t pair, float r, float2 cs) {
  const float e = bf16_low(pair) * r, o = bf16_high(pair) * r;
  return round_bf16x2(e * cs.x - o * cs.y, e * cs.y + o * cs.x);
}

__device__ inline void head_of_vectors(const QNormRopeParams& p, const bf16_t* q, bf16_t* y,
                                       const float2* cos_sin, int lane) {
  float sum = 0.f;
  for (int c = lane * 8; c < p.head_dim; c += 256) {
    float v[8];
    widen8(load16(q + c), v);
#pragma unroll
    for (int i = 0; i < 8; ++i) sum = fmaf(v[i], v[i], sum);
  }
  const float r = 1.f / sqrtf(warp_sum(sum) / float(p.head_dim) + p.eps);
  const int n_plain = p.head_dim - 2 * p.n_freq;
  for (int c = lane * 8; c < p.head_dim; c += 256) {
    const uint4 v = load16(q + c);
    if (c < n_plain) {
      float u[8];
      widen8(v, u);
#pragma unroll
      for (int i = 0; i < 8; ++i) u[i] *= r;
      store16(y + c, round_bf16x8(u));
    } else {
      const float2* cs = cos_sin + (c - n_plain) / 2;
      store16(y + c, {rotate(v.x, r, cs[0]), rotate(v.y, r, cs[1]),  //
                      rotate(v.z, r, cs[2]), rotate(v.w, r, cs[3])});
    }
  }
}

__device__ inline void head_of_scalars(const QNormRopeParams& p, const bf16_t* q, bf16_t* y,
                                       const float2* cos_sin, int lane) {
  float sum = 0.f;
  for (int c = lane; c < p.head_dim; c += 32) {
    const float v = __bfloat162float(q[c]);
    sum = fmaf(v, v, sum);
  }
  const float r = 1.f / sqrtf(warp_sum(sum) / float(p.head_dim) + p.eps);
  const int n_plain = p.head_dim - 2 * p.n_freq;
  for (int c = lane; c < n_plain; c += 32) y[c] = __float2bfloat16_rn(__bfloat162float(q[c]) * r);
  for (int i = lane; i < p.n_freq; i += 32) {
    const int c = n_plain + 2 * i;
    const uint32_t pair = __bfloat16_as_ushort(q[c]) | uint32_t(__bfloat16_as_ushort(q[c + 1])) << 16;
    const uint32_t rotated = rotate(pair, r, cos_sin[i]);
    y[c] = __ushort_as_bfloat16(uint16_t(rotated));
    y[c + 1] = __ushort_as_bfloat16(uint16_t(rotated >> 16));
  }
}

extern "C" __global__ void q_norm_rope(const __grid_constant__ QNormRopeParams p) {
  extern __shared__ float2 cos_sin[];  // [n_freq]
  const int64_t tok = blockIdx.x;
  for (int i = threadIdx.x; i < p.n_freq; i += blockDim.x) {
    float s, c;
    sincosf(__fmul_rn(float(p.pos[tok]), p.freq[i]), &s, &c);
    cos_sin[i] = {c, s};
  }
  __syncthreads();

  const bool vectors = (p.head_dim - 2 * p.n_freq) % 8 == 0 && rows_are_vectors(p.q, p.head_dim) &&
                       rows_are_vectors(p.y, p.head_dim);
  const int end = min(p.n_head, int(blockIdx.y + 1) * HEADS);
  for (int head = blockIdx.y * HEADS + threadIdx.x / 32; head < end; head += blockDim.x / 32) {
    const int64_t at = (tok * p.n_head + head) * p.head_dim;
    if (vectors)
      head_of_vectors(p, p.q + at, p.y + at, cos_sin, threadIdx.x % 32);
    else
      head_of_scalars(p, p.q + at, p.y + at, cos_sin, threadIdx.x % 32);
  }
}
