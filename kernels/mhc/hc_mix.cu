// hc_mix: mix = (fn . x) / sqrt(mean(x^2) + eps)
//   (DeepSeek-V4 model.py hc_pre: flatten, rsqrt, F.linear(x, hc_fn) * rsqrt)
//   x bf16 [n_tok, hc * d_model]   fn f32 [n_mix, hc * d_model]   mix f32 [n_tok, n_mix]
// Numerics: all f32, scaled after the dot product. Rounding fn would move the streams' mixing.
// Parallel: a CTA a token; a thread loads 8 channels of x once and uses them for 24 rows of fn; the 24 sums
//   and the sum of squares are reduced together.
// Bound: fn from L2, 96 bytes a channel, until a CTA covers several tokens.
#include "hc_mix.h"

#include "kernels/common/reduce.cuh"
#include "kernels/common/vec.cuh"

constexpr int ROWS = 24;  // (2 + hc) * hc at hc = 4: one pass over x
constexpr int HEAD_ROWS = 4;
constexpr int WARPS = 8;  // at most, as in the launch

__device__ inline void widen8(const float* p, float (&v)[8]) {
  const float4 a = *reinterpret_cast<const float4*>(p), b = *reinterpret_cast<const float4*>(p + 4);
  v[0] = a.x, v[1] = a.y, v[2] = a.z, v[3] = a.w, v[4] = b.x, v[5] = b.y, v[6] = b.z, v[7] = b.w;
}

// Adds R rows of fn from r0 on, and x^2, over this thread's channels. A row past the end repeats the last
// one; its sum is dropped.
template <int R, int N>
__device__ inline void accumulate(const HcMixParams& p, const bf16_t* x, int K, int r0, float (&sums)[N]) {
  static_assert(N > R, "the sum of squares follows the rows");
  if (rows_are_vectors(p.x, K) && rows_are_vectors(p.fn, K)) {
    for (int k = threadIdx.x * 8; k < K; k += blockDim.x * 8) {
      float v[8];
      widen8(load16(x + k), v);
#pragma unroll
      for (int i = 0; i < 8; ++i) sums[R] = fmaf(v[i], v[i], sums[R]);
#pragma unroll
      for (int r = 0; r < R; ++r) {
        float f[8];
        widen8(p.fn + int64_t(min(r0 + r, p.n_mix - 1)) * K + k, f);
#pragma unroll
        for (int i = 0; i < 8; ++i) sums[r] = fmaf(f[i], v[i], sums[r]);
      }
    }
  } else {
    for (int k = threadIdx.x; k < K; k += blockDim.x) {
      const float v = __bfloat162float(x[k]);
      sums[R] = fmaf(v, v, sums[R]);
#pragma unroll
      for (int r = 0; r < R; ++r)
        sums[r] = fmaf(p.fn[int64_t(min(r0 + r, p.n_mix - 1)) * K + k], v, sums[r]);
    }
  }
}

template <int R, int N>
__device__ inline void mix_rows(const HcMixParams& p, int r0, float (*partial)[32]) {
  const int64_t tok = blockIdx.x;
  const int K = p.hc * p.d_model;
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  float sums[N] = {};
  accumulate<R>(p, p.x + tok * K, K, r0, sums);
  partial[warp][lane] = warp_sums(sums, lane);  // lane i < N holds sums[i]
  __syncthreads();
  if (threadIdx.x < R && r0 + threadIdx.x < p.n_mix) {
    float dot = 0.f, square = 0.f;
    for (int w = 0; w < blockDim.x / 32; ++w) {
      dot += partial[w][threadIdx.x];
      square += partial[w][R];
    }
    // mix = (fn . x) / sqrt(mean(x^2) + eps)
    p.mix[tok * p.n_mix + r0 + threadIdx.x] = dot * (1.f / sqrtf(square / float(K) + p.eps));
  }
  __syncthreads();
}

extern "C" __global__ void hc_mix(const __grid_constant__ HcMixParams p) {
  __shared__ float partial[WARPS][32];
  int r = 0;
  for (; r + ROWS <= p.n_mix; r += ROWS) mix_rows<ROWS, 32>(p, r, partial);
  for (; r < p.n_mix; r += HEAD_ROWS) mix_rows<HEAD_ROWS, 8>(p, r, partial);
}
