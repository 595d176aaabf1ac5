// act_quant_mxfp4: codes and power-of-two scales of 1 x 32 blocks   (DeepSeek-V4 kernel.py fp4_act_quant)
//   x bf16 [n_row, width]   q e2m1 [n_row, width], low nibble first   s ue8m0 [n_row, width/32]
// Numerics: s = 2^ceil(log2(fl32(max(amax, 6 * 2^-126) * fl32(1/6)))) from exponent bits,
//   q = e2m1(clamp(x / s, -6, 6)), ties to the even code. Dividing by a power of two is multiplying by its
//   exact reciprocal. A NaN or infinity makes s NaN and every code of its block 7.
// Parallel: 8 channels a thread in one run over all rows, four neighbouring lanes share a scale. Rows that are
//   no whole number of blocks: a thread a block. Width must be even: a byte holds two codes of one row.
// Bound: memory, 2.5 bytes an element.
#include "act_quant_mxfp4.h"

#include "kernels/common/mxfp4.cuh"
#include "kernels/common/reduce.cuh"

using mxfp4::BLOCK;

__device__ inline void eight_channels(const ActQuantMxfp4Params& p, int64_t at) {
  const bool inside = at < int64_t(p.n_row) * p.width;
  const uint4 v = inside ? load16(p.x + at) : uint4{};
  const uint32_t code = mxfp4::scale_code(warp_max(abs_max_bits(v), BLOCK / 8));
  const float inv = ue8m0_reciprocal(code);
  if (!inside) return;
  *reinterpret_cast<uint32_t*>(p.q + at / 2) = mxfp4::codes8(v, inv);
  if (at % BLOCK == 0) p.s[at / BLOCK] = ue8m0_t(code);
}

__device__ inline void one_block(const ActQuantMxfp4Params& p, int64_t row, int b) {
  const int n = min(BLOCK, p.width - b * BLOCK);
  const bf16_t* x = p.x + row * p.width + b * BLOCK;
  uint32_t amax = 0;
  for (int i = 0; i < n; ++i) amax = max(amax, abs_bits(x[i]));
  const uint32_t code = mxfp4::scale_code(amax);
  const float inv = ue8m0_reciprocal(code);
  e2m1x2_t* q = p.q + (row * p.width + b * BLOCK) / 2;
  for (int i = 0; i < n; i += 2) {
    const uint32_t pair = __bfloat16_as_ushort(x[i]) | uint32_t(__bfloat16_as_ushort(x[i + 1])) << 16;
    q[i / 2] = e2m1x2_t(mxfp4::codes2(pair, inv));
  }
  p.s[row * ((p.width + BLOCK - 1) / BLOCK) + b] = ue8m0_t(code);
}

extern "C" __global__ void act_quant_mxfp4(const __grid_constant__ ActQuantMxfp4Params p) {
  if (p.width % 2 != 0) asm("trap;");
  const int64_t thread = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (p.width % BLOCK == 0 && rows_are_vectors(p.x, p.width) && reinterpret_cast<uintptr_t>(p.q) % 4 == 0) {
    eight_channels(p, thread * 8);
    return;
  }
  const int per_row = (p.width + BLOCK - 1) / BLOCK;
  for (int64_t b = thread; b < int64_t(p.n_row) * per_row; b += int64_t(gridDim.x) * blockDim.x)
    one_block(p, b / per_row, int(b % per_row));
}
