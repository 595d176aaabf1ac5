// kv_fp8_sim: e4m3 round trip of the unrotated channels
//   (DeepSeek-V4 kernel.py act_quant inplace, kv[..., :-rope_dim])
//   x bf16 [n_row, head_dim]   y bf16 [n_row, head_dim]
// Numerics: channels below n_nope in 1 x block blocks, s = 2^ceil(log2(fl32(max(amax, 1e-4) * fl32(1/448)))),
//   y = bf16(e4m3(clamp(x / s, -448, 448)) * s); the others are copied. NaN or infinity makes its block NaN.
// Parallel: a warp a row, 8 channels a lane and step, block / 8 lanes share a scale. May run in place.
// Bound: memory, 4 bytes an element.
#include "kv_fp8_sim.h"

#include "kernels/common/fp8_sim.cuh"

__device__ inline void row_of_vectors(const KvFp8SimParams& p, const bf16_t* x, bf16_t* y, int lane) {
  for (int c0 = 0; c0 < p.head_dim; c0 += 256) {
    const int c = c0 + lane * 8;
    const uint4 v = c < p.head_dim ? load16(x + c) : uint4{};
    const uint4 u = round_trip8(v, c < p.n_nope, p.block / 8);
    if (c < p.head_dim) store16(y + c, u);
  }
}

__device__ inline void row_of_scalars(const KvFp8SimParams& p, const bf16_t* x, bf16_t* y, int lane) {
  for (int c0 = 0; c0 < p.n_nope; c0 += p.block) {
    const int end = min(p.n_nope, c0 + p.block);
    uint32_t amax = 0;
    for (int c = c0 + lane; c < end; c += 32) amax = max(amax, abs_bits(x[c]));
    const uint32_t code = block_scale_code(warp_max(amax), SIM_AMAX_FLOOR, E4M3_INV_MAX);
    const float s = ue8m0_to_f32(code), inv = ue8m0_reciprocal(code);
    for (int c = c0 + lane; c < end; c += 32)
      y[c] = __ushort_as_bfloat16(uint16_t(round_trip(__bfloat16_as_ushort(x[c]), inv, s)));
  }
  for (int c = p.n_nope + lane; c < p.head_dim; c += 32) y[c] = x[c];
}

extern "C" __global__ void kv_fp8_sim(const __grid_constant__ KvFp8SimParams p) {
  const int64_t row = int64_t(blockIdx.x) * (blockDim.x / 32) + threadIdx.x / 32;
  if (row >= p.n_row) return;
  const bf16_t* x = p.x + row * p.head_dim;
  bf16_t* y = p.y + row * p.head_dim;
  const int group = p.block / 8;  // lanes that share a scale
  const bool groups_fit = p.block % 8 == 0 && group <= 32 && (group & (group - 1)) == 0 && p.n_nope % 8 == 0;
  if (groups_fit && rows_are_vectors(p.x, p.head_dim) && rows_are_vectors(p.y, p.head_dim))
    row_of_vectors(p, x, y, threadIdx.x % 32);
  else
    row_of_scalars(p, x, y, threadIdx.x % 32);
}
