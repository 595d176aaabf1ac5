// From attention's first projections to what is kept of them: the query's latent, the window's keys, and the compressed keys of attention
// and indexer.
#pragma once
#include "block.h"

namespace engine {

constexpr int kKvBlock = 64;

struct Latents {
  Fp8 qr;
  Tensor kv;       // bf16 [n_tok, head_dim]
  Tensor entries;  // bf16 [n_entry, head_dim], absent when no window is complete
  Mxfp4 index;     // csa: the indexer's keys of the same entries
};

// Whether attention's element-wise chains run as fusions here: not where the portable kernels are asked for, nor on widths that the fusions
// do not take (kernels/fused/latent_parts.ts, query_heads.op.ts).
bool attention_is_fused(const BlockContext& b);

Latents latents(const BlockContext& b, const Projections& in);

}  // namespace engine
