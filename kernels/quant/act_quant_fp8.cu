// act_quant_fp8: codes and power-of-two scales of 1 x block blocks
//   (DeepSeek-V4 kernel.py act_quant, scale_fmt ue8m0)
//   x bf16 [M, K]   q e4m3 [M, K]   s ue8m0 [M, K/block]
// Numerics: s = 2^ceil(log2(fl32(max(amax, floor) * fl32(1/448)))) from exponent bits;
//   q = e4m3(clamp(x / s, -448, 448)). Dividing by a power of two is multiplying by its exact
//   reciprocal. A block with NaN or infinity has scale NaN and codes NaN.
// Parallel: a CTA covers 1024 channels of a row; 8 channels a thread, block / 8 neighbouring lanes share a
//   scale. Other block sizes and unaligned rows: one warp a block.
// Bound: memory, 3 bytes an element.
#include "act_quant_fp8.h"

#include "kernels/common/quant.cuh"
#include "kernels/common/reduce.cuh"

constexpr int SPAN = 1024;              // channels of a CTA: 128 threads of 8

__device__ inline void quantise_vectors(const ActQuantFp8Params& p, int64_t row, int c) {
  const bool inside = c < p.K;
  const uint4 packed = inside ? load16(p.x + row * p.K + c) : uint4{};
  const uint32_t amax = warp_max(abs_max_bits(packed), p.block / 8);
  if (!inside) return;
  const uint32_t code = block_scale_code(amax, p.floor, E4M3_INV_MAX);
  *reinterpret_cast<uint2*>(p.q + row * p.K + c) = quantise8_e4m3(packed, ue8m0_reciprocal(code));
  if (c % p.block == 0) p.s[row * ((p.K + p.block - 1) / p.block) + c / p.block] = ue8m0_t(code);
}

__device__ inline void quantise_block(const ActQuantFp8Params& p, int64_t row, int b, int lane) {
  const int end = min(p.K, (b + 1) * p.block);
  uint32_t amax = 0;
  for (int c = b * p.block + lane; c < end; c += 32) amax = max(amax, abs_bits(p.x[row * p.K + c]));
  const uint32_t code = block_scale_code(warp_max(amax), p.floor, E4M3_INV_MAX);
  const float inv = ue8m0_reciprocal(code);
  for (int c = b * p.block + lane; c < end; c += 32)
    p.q[row * p.K + c] = quantise1_e4m3(p.x[row * p.K + c], inv);
  if (lane == 0) p.s[row * ((p.K + p.block - 1) / p.block) + b] = ue8m0_t(code);
}

extern "C" __global__ void act_quant_fp8(const __grid_constant__ ActQuantFp8Params p) {
  const int64_t row = blockIdx.x;
  const int group = p.block / 8;  // lanes that share a scale
  const bool groups_fit = p.block % 8 == 0 && group <= 32 && (group & (group - 1)) == 0;
  if (groups_fit && rows_are_vectors(p.x, p.K) && reinterpret_cast<uintptr_t>(p.q) % 8 == 0) {
    quantise_vectors(p, row, blockIdx.y * SPAN + threadIdx.x * 8);
    return;
  }
  // blocks that begin in this CTA's span
  const int first = (blockIdx.y * SPAN + p.block - 1) / p.block;
  const int last = (min(p.K, int(blockIdx.y + 1) * SPAN) + p.block - 1) / p.block;
  for (int b = first + threadIdx.x / 32; b < last; b += blockDim.x / 32)
    quantise_block(p, row, b, threadIdx.x % 32);
}
