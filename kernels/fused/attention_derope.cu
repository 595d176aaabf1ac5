// attention_derope: sparse_attention and the inverse rotation of its output, in one launch
//   as sparse_attention, and pos i32 [n_tok], freq f32 [n_freq]; o bf16 [n_tok, n_head, head_dim] or null -> y bf16, the same shape
// Numerics: those of the parts; o is rounded to bf16, then turned in f32 and rounded again, also where nobody asks for it.
// Parallel: that of sparse_attention (kernels/common/attention.cuh); a CTA computes its token's sines once.
#include "attention_derope.h"

#include "kernels/common/attention.cuh"

extern "C" __global__ void __launch_bounds__(attention::THREADS, 2)
    attention_derope(const __grid_constant__ AttentionDeropeParams p) {
  extern __shared__ __align__(16) uint8_t smem[];
  __shared__ float2 cos_sin[attention_out::MOST_PAIRS];
  const attention_out::TurnedBack out{p.o, p.y, p.pos, p.freq, p.head_dim, p.n_freq, cos_sin};
  attention::run(p, out, p.y, smem);
}
