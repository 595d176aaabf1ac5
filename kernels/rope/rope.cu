// rope: rotation of the last 2 * n_freq channels as interleaved pairs
//   (DeepSeek-V4 model.py apply_rotary_emb)
//   x bf16 [n_row, n_head, head_dim]   pos i32 [n_row]   freq f32 [n_freq]   y bf16 [n_row, n_head, head_dim]
// Numerics: angle = fl32(pos * freq) as the official table has it, sin and cos of that angle in f32, one
//   rounding to bf16; conjugate when inverse = 1; the other channels are copied.
// Parallel: a CTA takes 4 heads of a row and computes the row's sines once. May run in place.
// Bound: memory, 4 bytes an element.
#include "rope.h"

#include "kernels/common/rope.cuh"

constexpr int HEADS = 4;  // of a CTA: as many as the launch's grid assumes

extern "C" __global__ void rope(const __grid_constant__ RopeParams p) {
  extern __shared__ float2 cos_sin[];  // [n_freq]
  const int64_t row = blockIdx.x;
  const int head0 = blockIdx.y * HEADS;
  const int n_channel = min(HEADS, p.n_head - head0) * p.head_dim;
  const int n_copy = p.head_dim - 2 * p.n_freq;
  const bf16_t* x = p.x + (row * p.n_head + head0) * p.head_dim;
  bf16_t* y = p.y + (row * p.n_head + head0) * p.head_dim;

  for (int i = threadIdx.x; i < p.n_freq; i += blockDim.x) {
    const float2 cs = turn_of(p.pos[row], p.freq[i]);
    cos_sin[i] = {cs.x, p.inverse ? -cs.y : cs.y};
  }
  __syncthreads();

  if (n_copy % 8 == 0 && rows_are_vectors(p.x, p.head_dim) && rows_are_vectors(p.y, p.head_dim)) {
    for (int c = threadIdx.x * 8; c < n_channel; c += blockDim.x * 8) {
      uint4 v = load16(x + c);
      const int i = c % p.head_dim - n_copy;  // first rotated channel of the vector, negative where copied
      if (i >= 0) v = rotate8(v, cos_sin + i / 2);
      store16(y + c, v);
    }
  } else {
    for (int c = threadIdx.x; c < n_channel; c += blockDim.x) {
      const int i = c % p.head_dim - n_copy;
      if (i < 0) {
        y[c] = x[c];
      } else if (i % 2 == 0) {
        const uint32_t pair = __bfloat16_as_ushort(x[c]) | uint32_t(__bfloat16_as_ushort(x[c + 1])) << 16;
        const uint32_t rotated = rotate(pair, cos_sin[i / 2]);
        y[c] = __ushort_as_bfloat16(uint16_t(rotated));
        y[c + 1] = __ushort_as_bfloat16(uint16_t(rotated >> 16));
      }
    }
  }
}
