// Fast Hadamard transform of rows that lie in lanes: three butterflies inside a lane, the others between lanes.
#pragma once
#include "kernels/common/reduce.cuh"
#include "kernels/common/vec.cuh"

// (a, b) -> (a + b, a - b) between channels whose indices differ in bit H
template <int H>
__device__ inline void butterflies(float (&v)[8]) {
#pragma unroll
  for (int i = 0; i < 8; ++i)
    if ((i & H) == 0) {
      const float a = v[i], b = v[i + H];
      v[i] = a + b;
      v[i + H] = a - b;
    }
}

// bf16(width^-0.5 H x) of rows of `width` channels, a power of two of at least 8 and at most 256, eight channels a lane; whole warps call
// it.
__device__ inline uint4 hadamard8(uint4 x, int width) {
  float v[8];
  widen8(x, v);
  butterflies<1>(v);
  butterflies<2>(v);
  butterflies<4>(v);
  for (int o = 1; o < width / 8; o *= 2) {
    const float sign = threadIdx.x & o ? -1.f : 1.f;
#pragma unroll
    for (int i = 0; i < 8; ++i) v[i] = fmaf(sign, v[i], __shfl_xor_sync(FULL_WARP, v[i], o));
  }
  const float scale = 1.f / sqrtf(float(width));
#pragma unroll
  for (int i = 0; i < 8; ++i) v[i] *= scale;
  return round_bf16x8(v);
}
