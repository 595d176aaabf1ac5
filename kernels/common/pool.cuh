// Pooling of a compressor's windows: a softmax over tokens, for each channel (DeepSeek-V4 model.py Compressor.forward).
//
// Slots of entry n: with n_coff 2 the previous window's tokens, channels [0, width) (none for entry 0), then the own window's, channels
// [width, 2 width); with n_coff 1 the own window's.
#pragma once
#include "kernels/common/vec.cuh"

namespace pooling {

// A compressor's projections: kv, gate f32 [n_tok, n_coff * width], row 0 is token tok0; ape f32 [ratio, n_coff * width]. The call makes
// the entries from entry0 on.
struct Rows {
  const float *kv, *gate, *ape;
  int n_tok, ratio, n_coff, width, tok0, entry0;

  // Four channels at a time are whole 16-byte vectors.
  __device__ inline bool are_vectors() const {
    return rows_are_vectors(kv, width) && rows_are_vectors(gate, width) && rows_are_vectors(ape, width);
  }
};

// One window's rows of kv, gate and ape from a channel on.
struct Window {
  const float* kv;
  const float* gate;
  const float* ape;
  int ratio;
  int64_t stride;
};

template <int V>
__device__ inline void load(const float* p, float (&v)[V]) {
  if constexpr (V == 4) {
    const float4 q = *reinterpret_cast<const float4*>(p);
    v[0] = q.x, v[1] = q.y, v[2] = q.z, v[3] = q.w;
  } else {
    v[0] = *p;
  }
}

// top = max(top, gate + ape)
template <int V>
__device__ inline void raise(const Window& w, float (&top)[V]) {
#pragma unroll 4
  for (int t = 0; t < w.ratio; ++t) {
    float g[V], a[V];
    load(w.gate + t * w.stride, g);
    load(w.ape + t * w.stride, a);
#pragma unroll
    for (int i = 0; i < V; ++i) top[i] = fmaxf(top[i], g[i] + a[i]);
  }
}

// e = exp(gate + ape - top); sum += e; v += e * kv
template <int V>
__device__ inline void add(const Window& w, const float (&top)[V], float (&sum)[V], float (&v)[V]) {
#pragma unroll 4
  for (int t = 0; t < w.ratio; ++t) {
    float g[V], a[V], x[V];
    load(w.gate + t * w.stride, g);
    load(w.ape + t * w.stride, a);
    load(w.kv + t * w.stride, x);
#pragma unroll
    for (int i = 0; i < V; ++i) {
      const float e = expf(g[i] + a[i] - top[i]);
      sum[i] += e;
      v[i] = fmaf(e, x[i], v[i]);
    }
  }
}

__device__ inline Window window_of(const Rows& p, int64_t n, int channel) {
  const int64_t stride = int64_t(p.n_coff) * p.width;
  const int64_t row = n * p.ratio - p.tok0;
  if (row < 0 || row + p.ratio > p.n_tok) asm("trap;");  // the window's tokens are not in kv
  return {p.kv + row * stride + channel, p.gate + row * stride + channel, p.ape + channel, p.ratio, stride};
}

// to[0 .. V) = bf16(sum of e * kv / sum of e) of the call's entry i, channels channel .. channel + V - 1
template <int V>
__device__ inline void channels(const Rows& p, int i, int channel, bf16_t* to) {
  const int64_t n = int64_t(p.entry0) + i;
  const bool overlap = p.n_coff == 2;
  const bool previous = overlap && n > 0;
  const Window own = window_of(p, n, channel + (overlap ? p.width : 0));
  const Window before = previous ? window_of(p, n - 1, channel) : own;
  float top[V], sum[V] = {}, v[V] = {};
#pragma unroll
  for (int k = 0; k < V; ++k) top[k] = -INFINITY;
  if (previous) raise(before, top);
  raise(own, top);
  if (previous) add(before, top, sum, v);
  add(own, top, sum, v);

  if constexpr (V == 4) {
    *reinterpret_cast<uint2*>(to) = {round_bf16x2(v[0] / sum[0], v[1] / sum[1]),
                                     round_bf16x2(v[2] / sum[2], v[3] / sum[3])};
  } else {
    *to = __float2bfloat16_rn(v[0] / sum[0]);
  }
}

}  // namespace pooling
