// Approximate functions (PTX ISA #floating-point-instructions-ex2).
#pragma once

namespace ptx {

// 2^x within 2^-22; below 2^-126 it is 0.
__device__ __forceinline__ float ex2(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

}  // namespace ptx
