// hadamard: y = bf16(width^-0.5 H x), H[i][j] = (-1)^popcount(i & j)
//   (DeepSeek-V4 model.py rotate_activation)
//   x bf16 [n_row, width]   y bf16 [n_row, width], width a power of two
// Numerics: f32 butterflies, one multiplication by width^-0.5 and one rounding at the end.
// Parallel: 8 channels a lane, so a row of 128 takes 16 lanes: 3 butterflies inside a lane, 4 between lanes.
//   Widths below 8 or above 256: a CTA a row in shared memory. May run in place.
// Bound: memory, 4 bytes an element.
#include "hadamard.h"

#include "kernels/common/hadamard.cuh"

// Rows spread over width / 8 lanes each; a CTA holds blockDim.x * 8 / width of them.
__device__ inline void rows_in_lanes(const HadamardParams& p) {
  const int64_t at = (int64_t(blockIdx.x) * blockDim.x + threadIdx.x) * 8;
  const bool inside = at < int64_t(p.n_row) * p.width;
  const uint4 y = hadamard8(inside ? load16(p.x + at) : uint4{}, p.width);
  if (inside) store16(p.y + at, y);
}

__device__ inline void row_in_shared(const HadamardParams& p, int64_t row, float* v) {
  for (int c = threadIdx.x; c < p.width; c += blockDim.x) v[c] = __bfloat162float(p.x[row * p.width + c]);
  for (int h = 1; h < p.width; h *= 2) {
    __syncthreads();
    for (int t = threadIdx.x; t < p.width / 2; t += blockDim.x) {
      const int i = 2 * t - (t & (h - 1));  // bit h clear
      const float a = v[i], b = v[i + h];
      v[i] = a + b;
      v[i + h] = a - b;
    }
  }
  __syncthreads();
  const float scale = 1.f / sqrtf(float(p.width));
  for (int c = threadIdx.x; c < p.width; c += blockDim.x)
    p.y[row * p.width + c] = __float2bfloat16_rn(v[c] * scale);
  __syncthreads();
}

extern "C" __global__ void hadamard(const __grid_constant__ HadamardParams p) {
  extern __shared__ float v[];  // [width]
  if (p.width & (p.width - 1)) asm("trap;");
  if (p.width >= 8 && p.width <= 256 && rows_are_vectors(p.x, p.width) && rows_are_vectors(p.y, p.width)) {
    rows_in_lanes(p);
  } else {
    for (int64_t row = blockIdx.x; row < p.n_row; row += gridDim.x) row_in_shared(p, row, v);
  }
}
