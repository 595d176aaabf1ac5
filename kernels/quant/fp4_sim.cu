// fp4_sim: e2m1 round trip in 1 x block blocks   (DeepSeek-V4 kernel.py fp4_act_quant inplace)
//   x bf16 [n_row, width]   y bf16 [n_row, width]
// Numerics: s = 2^ceil(log2(fl32(max(amax, 6 * 2^-126) * fl32(1/6)))),
//   y = bf16(e2m1(clamp(x / s, -6, 6)) * s), ties to the even code. NaN or infinity makes its block NaN.
// Parallel: a warp a row, 8 channels a lane and step, block / 8 lanes share a scale. May run in place.
// Bound: memory, 4 bytes an element.
#include "fp4_sim.h"

#include "kernels/common/formats.cuh"
#include "kernels/common/reduce.cuh"
#include "kernels/common/vec.cuh"

constexpr float INV_MAX = 1.f / 6.f;  // of e2m1
constexpr float AMAX_FLOOR = 6 * 0x1p-126f;  // the smallest scale is then the smallest normal number

// bf16(e2m1(x / s) * s) of two channels; a NaN scale reaches the result through the product
__device__ inline uint32_t round_trip(uint32_t pair, float inv, float s) {
  return round_bf16x2(f32_round_e2m1(bf16_low(pair) * inv) * s, f32_round_e2m1(bf16_high(pair) * inv) * s);
}

__device__ inline void row_of_vectors(const Fp4SimParams& p, const bf16_t* x, bf16_t* y, int lane) {
  for (int c0 = 0; c0 < p.width; c0 += 256) {
    const int c = c0 + lane * 8;
    const uint4 v = c < p.width ? load16(x + c) : uint4{};
    const uint32_t amax = warp_max(abs_max_bits(v), p.block / 8);
    const uint32_t code = block_scale_code(amax, AMAX_FLOOR, INV_MAX);
    const float s = ue8m0_to_f32(code), inv = ue8m0_reciprocal(code);
    if (c < p.width)
      store16(y + c,
              {round_trip(v.x, inv, s), round_trip(v.y, inv, s),  //
               round_trip(v.z, inv, s), round_trip(v.w, inv, s)});
  }
}

__device__ inline void row_of_scalars(const Fp4SimParams& p, const bf16_t* x, bf16_t* y, int lane) {
  for (int c0 = 0; c0 < p.width; c0 += p.block) {
    const int end = min(p.width, c0 + p.block);
    uint32_t amax = 0;
    for (int c = c0 + lane; c < end; c += 32) amax = max(amax, abs_bits(x[c]));
    const uint32_t code = block_scale_code(warp_max(amax), AMAX_FLOOR, INV_MAX);
    const float s = ue8m0_to_f32(code), inv = ue8m0_reciprocal(code);
    for (int c = c0 + lane; c < end; c += 32)
      y[c] = __ushort_as_bfloat16(uint16_t(round_trip(__bfloat16_as_ushort(x[c]), inv, s)));
  }
}

extern "C" __global__ void fp4_sim(const __grid_constant__ Fp4SimParams p) {
  const int64_t row = int64_t(blockIdx.x) * (blockDim.x / 32) + threadIdx.x / 32;
  if (row >= p.n_row) return;
  const bf16_t* x = p.x + row * p.width;
  bf16_t* y = p.y + row * p.width;
  const int group = p.block / 8;  // lanes that share a scale
  const bool groups_fit = p.block % 8 == 0 && group <= 32 && (group & (group - 1)) == 0;
  if (groups_fit && rows_are_vectors(p.x, p.width) && rows_are_vectors(p.y, p.width))
    row_of_vectors(p, x, y, threadIdx.x % 32);
  else
    row_of_scalars(p, x, y, threadIdx.x % 32);
}
