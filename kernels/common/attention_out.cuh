// Where attention's output goes: as it is, or turned back by the token's position. begin() is called by all threads of a CTA, with a
// barrier between it and the first output; then come eight channels of a row (token and head) at a time, from d on, in bf16.
#pragma once
#include "kernels/common/rope.cuh"
#include "kernels/common/vec.cuh"

namespace attention_out {

// VEC: rows start on 16 bytes and are whole vectors; else what lies beyond the head's end is left out.
template <bool VEC>
__device__ inline void put(bf16_t* row, int d, int head_dim, uint4 v) {
  if constexpr (VEC) {
    store16(row + d, v);
  } else {
    const uint32_t w[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
    for (int k = 0; k < 8; ++k)
      if (d + k < head_dim) row[d + k] = __ushort_as_bfloat16(uint16_t(w[k / 2] >> (16 * (k % 2))));
  }
}

struct Plain {
  bf16_t* o;
  int head_dim;

  __device__ inline void begin(int) const {}
  template <bool VEC>
  __device__ inline uint4 pass(int64_t, int, uint4 v, bool) const {
    return v;
  }
  template <bool VEC>
  __device__ inline void store(int64_t row, int d, uint4 v) const {
    put<VEC>(o + row * head_dim, d, head_dim, v);
  }
};

constexpr int MOST_PAIRS = 256;

struct TurnedBack {
  bf16_t *o, *y;  // o is null where nobody watches it
  const int32_t* pos;
  const float* freq;
  int head_dim, n_freq;
  float2* cos_sin;  // shared [MOST_PAIRS]

  __device__ inline void begin(int tok) const {
    if (n_freq > MOST_PAIRS || head_dim % 2 != 0) asm("trap;");
    for (int i = threadIdx.x; i < n_freq; i += blockDim.x) {
      const float2 cs = turn_of(pos[tok], freq[i]);
      cos_sin[i] = {cs.x, -cs.y};
    }
  }
  // What is stored of the row; the row as it was is tapped.
  template <bool VEC>
  __device__ inline uint4 pass(int64_t row, int d, uint4 v, bool inside) const {
    if (o && inside) put<VEC>(o + row * head_dim, d, head_dim, v);
    const int pair = (d - (head_dim - 2 * n_freq)) / 2;  // of v.x; negative where copied
    uint32_t w[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
    for (int k = 0; k < 4; ++k)
      if (pair + k >= 0 && pair + k < n_freq) w[k] = rotate(w[k], cos_sin[pair + k]);
    return {w[0], w[1], w[2], w[3]};
  }
  template <bool VEC>
  __device__ inline void store(int64_t row, int d, uint4 v) const {
    put<VEC>(y + row * head_dim, d, head_dim, pass<VEC>(row, d, v, true));
  }
};

}  // namespace attention_out
