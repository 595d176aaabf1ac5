// q_norm_rope: per-head RMS without weight, then the rotation of the last 2 * n_freq channels
//   (DeepSeek-V4 model.py Attention.forward; one rounding as in the fused kernels of vLLM)
//   q bf16 [n_tok, n_head, head_dim]   pos i32 [n_tok]   freq f32 [n_freq]   y bf16 [n_tok, n_head, head_dim]
// Numerics: r = 1 / sqrt(mean(q^2) + eps), angle = fl32(pos * freq), all f32, one rounding to bf16 after the
//   rotation.
// Parallel: a CTA of 4 warps takes 8 heads of a token and computes the token's sines once; a warp takes whole
//   heads. May run in place.
// Bound: memory, 4 bytes an element.
#include "q_norm_rope.h"

#include "kernels/common/q_head.cuh"

constexpr int HEADS = 8;  // of a CTA: as many as the launch's grid assumes

extern "C" __global__ void q_norm_rope(const __grid_constant__ QNormRopeParams p) {
  extern __shared__ float2 cos_sin[];  // [n_freq]
  const int64_t tok = blockIdx.x;
  for (int i = threadIdx.x; i < p.n_freq; i += blockDim.x) cos_sin[i] = turn_of(p.pos[tok], p.freq[i]);
  __syncthreads();

  const QHead of{p.head_dim, p.n_freq, p.eps, cos_sin};
  const bool vectors = of.are_vectors(p.q, p.y);
  const int end = min(p.n_head, int(blockIdx.y + 1) * HEADS);
  for (int head = blockIdx.y * HEADS + threadIdx.x / 32; head < end; head += blockDim.x / 32) {
    const int64_t at = (tok * p.n_head + head) * p.head_dim;
    if (vectors)
      of.vectors(p.q + at, p.y + at, threadIdx.x % 32);
    else
      of.scalars(p.q + at, p.y + at, threadIdx.x % 32);
  }
}
