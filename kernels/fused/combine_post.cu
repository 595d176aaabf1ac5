// combine_post: the experts' outputs added and put back into the streams, where no block follows
//   routed bf16 [n_row, d_model]   slot_row i32 [n_tok, n_act]   shared bf16 [n_tok, d_model]   z bf16 [n_tok, d_model] or null
//   x, streams bf16 [n_tok, 4, d_model]   post_in f32 [n_tok, 4]   comb_in f32 [n_tok, 4, 4]
// Numerics: those of moe_combine and hc_post; z is rounded to bf16 before it is used, also where nobody asks for it.
// Parallel: a CTA covers 1024 channels of a token, 8 a thread.
// Bound: memory, 2 (n_act + 9) bytes a channel.
#include "combine_post.h"

#include "kernels/common/combine.cuh"
#include "kernels/fused/post.cuh"

extern "C" __global__ void __launch_bounds__(128) combine_post(const __grid_constant__ CombinePostParams p) {
  if (p.hc != streams::Post::HC || p.d_model % 8 != 0) asm("trap;");  // the declaration's restrictions
  const int64_t tok = blockIdx.x;
  const int c = (blockIdx.y * blockDim.x + threadIdx.x) * 8;
  if (c >= p.d_model) return;
  const streams::Post post(p, tok);
  const uint4 z = combine8(p.routed + c, p.slot_row + tok * p.n_act, p.n_act, p.shared + tok * p.d_model + c, p.d_model);
  if (p.z) store16(p.z + tok * p.d_model + c, z);
  uint4 v[streams::Post::HC];
  post(c, z, v);
}
