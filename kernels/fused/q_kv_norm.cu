// q_kv_norm: what follows the first projections of attention, in one launch: the query's latent normed and quantised, the window's keys
//   normed, turned and taken through the format of the cache
//   q_a bf16 [n_tok, q_lora]   kv_a bf16 [n_tok, head_dim]   -> q e4m3 [n_tok, q_lora], q_s ue8m0, kv bf16 [n_tok, head_dim]
// Numerics: those of the parts; every value between them is rounded to bf16, also where nobody asks for it.
// Parallel: a CTA a row (latents.cuh), the query's rows before the keys'.
// Bound: memory, 3 bytes an element of the latent, 4 of the keys.
#include "q_kv_norm.h"

#include "latents.cuh"

extern "C" __global__ void __launch_bounds__(256) q_kv_norm(const __grid_constant__ QKvNormParams p) {
  __shared__ latents::Shared sh;
  latents::check(p);
  const int i = blockIdx.x;
  if (i < p.n_tok)
    latents::q_row(p, i, sh);
  else
    latents::kv_row(p, i - p.n_tok, sh);
}
