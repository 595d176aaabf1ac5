// embed: every stream starts as the token's row
//   (DeepSeek-V4 model.py Transformer.forward: embedding, repeated over streams)
//   tok i32 [n_tok]   table bf16 [vocab, d_model]   x bf16 [n_tok, hc, d_model]
// Numerics: a copy. An id outside 0 .. vocab-1 traps: clamping it would hide a corrupt prompt.
// Parallel: a CTA covers 1024 channels of a token, 8 a thread.
// Bound: memory, 2 (hc + 1) bytes a channel.
#include "embed.h"

#include "kernels/common/vec.cuh"

constexpr int SPAN = 1024;  // channels of a CTA, as many as the launch's grid assumes

extern "C" __global__ void embed(const __grid_constant__ EmbedParams p) {
  const int64_t i = blockIdx.x;
  const int id = p.tok[i];
  if (id < 0 || id >= p.vocab) asm("trap;");
  const bf16_t* row = p.table + int64_t(id) * p.d_model;
  bf16_t* x = p.x + i * p.hc * p.d_model;
  const int end = min(p.d_model, int(blockIdx.y + 1) * SPAN);
  if (rows_are_vectors(p.table, p.d_model) && rows_are_vectors(p.x, p.d_model)) {
    for (int c = blockIdx.y * SPAN + threadIdx.x * 8; c < end; c += blockDim.x * 8) {
      const uint4 v = load16(row + c);
      for (int j = 0; j < p.hc; ++j) store16(x + int64_t(j) * p.d_model + c, v);
    }
  } else {
    for (int c = blockIdx.y * SPAN + threadIdx.x; c < end; c += blockDim.x)
      for (int j = 0; j < p.hc; ++j) x[int64_t(j) * p.d_model + c] = row[c];
  }
}
