// Kernels with one fault each, in the parameters of the skeleton op: what the guards, the poison and the virtual device must notice.
#include "router_hash_dispatch.h"
#include "skeleton.h"

__device__ int64_t index() { return int64_t(blockIdx.x) * blockDim.x + threadIdx.x; }
__device__ bf16_t value(const SkeletonParams& p, int64_t i) {
  return __float2bfloat16_rn(fmaf(p.a, __bfloat162float(p.x[i]), p.b[i]));
}

extern "C" __global__ void writes_past_the_end(const __grid_constant__ SkeletonParams p) {
  const int64_t i = index();
  if (i < p.n) p.y[i] = value(p, i);
  if (i == p.n) p.y[i] = __float2bfloat16_rn(1.f);
}

extern "C" __global__ void writes_before_the_start(const __grid_constant__ SkeletonParams p) {
  const int64_t i = index();
  if (i < p.n) p.y[i] = value(p, i);
  if (i == 0) p.y[-3] = __float2bfloat16_rn(1.f);
}

extern "C" __global__ void leaves_every_tenth(const __grid_constant__ SkeletonParams p) {
  const int64_t i = index();
  if (i < p.n && i % 10 != 9) p.y[i] = value(p, i);
}

// its result follows from what the output held before
extern "C" __global__ void adds_to_the_output(const __grid_constant__ SkeletonParams p) {
  const int64_t i = index();
  if (i < p.n) reinterpret_cast<uint16_t*>(p.y)[i] = uint16_t(reinterpret_cast<const uint16_t*>(p.y)[i] + 1);
}

extern "C" __global__ void traps(const __grid_constant__ SkeletonParams p) {
  if (index() == p.n - 1) asm volatile("trap;");
}

// in the parameters of an op with a counter
extern "C" __global__ void leaves_its_counter(const __grid_constant__ RouterHashDispatchParams p) {
  if (index() == 0) ++*p.arrived;
}

// an entry with ordinary parameters: y[i] = a * x[i]
extern "C" __global__ void scale(float* y, const float* x, float a, int n) {
  const int64_t i = index();
  if (i < n) y[i] = a * x[i];
}
