// skeleton: y = bf16(a * x + b)   (the op that newcomers copy)
//   x bf16 [n]   b f32 [n]   y bf16 [n]
// Numerics: one f32 fma, one rounding to bf16.
// Parallel: a thread an element.
// Bound: memory, 8 bytes an element.
#include "skeleton.h"

extern "C" __global__ void skeleton(const __grid_constant__ SkeletonParams p) {
  const int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= p.n) return;
  // y = bf16(fma(a, x, b))
  p.y[i] = __float2bfloat16_rn(fmaf(p.a, __bfloat162float(p.x[i]), p.b[i]));
}
