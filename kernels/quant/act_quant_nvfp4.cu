// act_quant_nvfp4: codes and e4m3 scales of 1 x 16 blocks under a global scale per expert
//   (NVIDIA Model-Optimizer nvfp4_tensor.py)
//   x bf16 [n_src, K]   src_row i32 [n_row] or null   row_expert i32 [n_row]   global f32 [n_expert]
//   q e2m1 [n_row, K], low nibble first   s e4m3 [n_row, K/16]
// Numerics: s = e4m3(min(fl32(amax / fl32(6 g)), 448)), q = e2m1(fl32(x / fl32(s g))), IEEE divisions, ties
//   to the even code; where s g = 0 every code is 0; a NaN in the block makes s NaN and every code 7.
// Parallel: a thread a block of 16; a CTA covers 128 blocks of a row. K must be even: a byte holds two codes
//   of one row.
// Bound: memory, 2.6 bytes an element.
#include "act_quant_nvfp4.h"

#include "kernels/common/nvfp4.cuh"
#include "kernels/common/vec.cuh"

constexpr int SPAN = 128;  // blocks of a CTA, as many as the launch's grid assumes

extern "C" __global__ void act_quant_nvfp4(const __grid_constant__ ActQuantNvfp4Params p) {
  const int64_t row = blockIdx.x;
  const int b = blockIdx.y * SPAN + threadIdx.x;
  if (b * 16 >= p.K) return;
  if (p.K % 2 != 0) asm("trap;");
  const int64_t from = p.src_row ? p.src_row[row] : row;
  const float g = p.global[p.row_expert[row]];
  const bf16_t* x = p.x + from * p.K + b * 16;
  e2m1x2_t* q = p.q + (row * p.K + b * 16) / 2;
  uint32_t code;

  if (p.K % 16 == 0 && rows_are_vectors(p.x, p.K) && reinterpret_cast<uintptr_t>(p.q) % 8 == 0) {
    const uint4 v0 = load16(x), v1 = load16(x + 8);
    const Nvfp4Scale s = nvfp4_scale(max(abs_max_bits(v0), abs_max_bits(v1)), g);
    *reinterpret_cast<uint2*>(q) = {nvfp4_codes8(v0, s.divisor), nvfp4_codes8(v1, s.divisor)};
    code = s.code;
  } else {
    const int n = min(16, p.K - b * 16);
    uint32_t amax = 0;
    for (int i = 0; i < n; ++i) amax = max(amax, abs_bits(x[i]));
    const Nvfp4Scale s = nvfp4_scale(amax, g);
    for (int i = 0; i < n; i += 2) {
      const uint32_t pair = __bfloat16_as_ushort(x[i]) | uint32_t(__bfloat16_as_ushort(x[i + 1])) << 16;
      q[i / 2] = e2m1x2_t(nvfp4_codes2(pair, s.divisor));
    }
    code = s.code;
  }
  p.s[row * ((p.K + 15) / 16) + b] = e4m3_t(code);
}
