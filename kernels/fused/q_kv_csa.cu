// q_kv_csa: q_kv_norm and the entries of both compressors of a layer with an indexer, in one launch
//   q_a, kv_a bf16; main_kv, main_gate f32 [n_held, n_coff * head_dim]; index_kv, index_gate f32 [n_held, n_coff * index_dim]
//   -> q, q_s, kv; main bf16 [n_entry, head_dim]; index_q e2m1 [n_entry, index_dim], index_s ue8m0
// Numerics: those of the parts; every value between them is rounded to bf16, also where nobody asks for it.
// Parallel: a CTA a row or entry (latents.cuh), the entries first: they read n_coff * ratio rows each.
// Bound: memory, 12 bytes a slot and channel of an entry.
#include "q_kv_csa.h"

#include "latents.cuh"

extern "C" __global__ void __launch_bounds__(256) q_kv_csa(const __grid_constant__ QKvCsaParams p) {
  __shared__ latents::Shared sh;
  latents::check(p);
  int i = blockIdx.x;
  if (i < p.n_entry) return latents::main_entry(p, i, sh);
  i -= p.n_entry;
  if (i < p.n_entry) return latents::index_entry(p, i, sh);
  i -= p.n_entry;
  if (i < p.n_tok) return latents::q_row(p, i, sh);
  latents::kv_row(p, i - p.n_tok, sh);
}
