// q_kv_hca: q_kv_norm and the entries of a compressor without overlap, in one launch
//   q_a, kv_a bf16; main_kv, main_gate f32 [n_held, head_dim]   -> q, q_s, kv; main bf16 [n_entry, head_dim]
// Numerics: those of the parts; every value between them is rounded to bf16, also where nobody asks for it.
// Parallel: a CTA a row or entry (latents.cuh), the entries first: they read ratio rows each.
// Bound: memory, 12 bytes a slot and channel of an entry.
#include "q_kv_hca.h"

#include "latents.cuh"

extern "C" __global__ void __launch_bounds__(256) q_kv_hca(const __grid_constant__ QKvHcaParams p) {
  __shared__ latents::Shared sh;
  latents::check(p);
  int i = blockIdx.x;
  if (i < p.n_entry) return latents::main_entry(p, i, sh);
  i -= p.n_entry;
  if (i < p.n_tok) return latents::q_row(p, i, sh);
  latents::kv_row(p, i - p.n_tok, sh);
}
