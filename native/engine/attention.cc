// Attention of one block: latents of queries and keys, heads, the choice of keys, and the output path.
#include <algorithm>
#include <cmath>

#include "latents.h"

namespace engine {
namespace {

// Heads of attention and, where there are keys to choose from, of the indexer.
QueryHeads queries(const BlockContext& b, const Latents& l) {
  const Config& c = b.config;
  const int64_t n = b.n_tok(), H = c.index_n_head, D = c.index_dim;
  const Queries both = project_queries(b, l.qr);
  const Tensor qb = both.q_b.view({n, c.n_head, c.head_dim});
  QueryHeads h;
  if (!l.index.q) {
    h.q = q_norm_rope(b.run, b.site("attn.q"), qb, b.pos, b.freq, float(c.eps));
    return h;
  }
  const Tensor ib = both.index_q_b.view({n, H, D});
  const IndexSites sites{b.site("attn.indexer.q_rope"), b.site("attn.indexer.q_had"), b.site("attn.indexer.q")};
  if (attention_is_fused(b)) return query_heads(b.run, b.site("attn.q"), sites, qb, ib, b.pos, b.freq, float(c.eps));
  h.q = q_norm_rope(b.run, b.site("attn.q"), qb, b.pos, b.freq, float(c.eps));
  const Tensor turned = rope(b.run, sites.turned, ib, b.pos, b.freq, false);
  const Tensor had = hadamard(b.run, sites.had, turned.view({n * H, D}));
  h.index = act_quant_mxfp4(b.run, sites.q, had);
  return h;
}

// Pool rows that each token attends to: the window, and every visible entry or those that the indexer chooses.
// `weights` are those of the indexer's heads.
Tensor keys(const BlockContext& b, const Tensor& weights, const Latents& l, const Mxfp4& q) {
  const Config& c = b.config;
  const int n_entry = l.entries ? l.entries.rows() : 0, ratio = b.kind().ratio;
  const std::string site = b.site("attn.keys");
  if (!q.q) return key_list(b.run, site, b.pos, {}, {n_entry, c.window, ratio, b.n_tok(), n_entry});

  const float scale = float(1 / std::sqrt(double(c.index_dim)) * (1 / std::sqrt(double(c.index_n_head))));
  const Tensor s = index_scores(b.run, b.site("attn.indexer.scores"), q, l.index, weights, scale);
  const Keys k{std::min(c.index_topk, n_entry), c.window, ratio, b.n_tok(), n_entry};
  const std::string topk = b.site("attn.indexer.topk");
  if (attention_is_fused(b)) return topk_keys(b.run, topk, site, s, b.pos, k);
  return key_list(b.run, site, b.pos, index_topk(b.run, topk, s, b.pos, k.n_comp, ratio), k);
}

// Attention, its output turned back by the token's position.
Tensor attend(const BlockContext& b, const Tensor& q, const Tensor& pool, const Tensor& idx) {
  const float scale = float(1 / std::sqrt(double(b.config.head_dim)));
  const std::string core = b.site("attn.core"), derope = b.site("attn.derope");
  const Tensor& sink = b.weight("attn.attn_sink");
  if (attention_is_fused(b)) return attention_derope(b.run, core, derope, q, pool, idx, sink, b.pos, b.freq, scale);
  const Tensor o = sparse_attention(b.run, core, q, pool, idx, sink, scale);
  return rope(b.run, derope, o, b.pos, b.freq, true);
}

}  // namespace

Tensor attention(const BlockContext& b, const SublayerInput& in) {
  const Config& c = b.config;
  const int64_t n = b.n_tok();
  const Projections p = project_input(b, in.y, b.codes("attn.y_fp8", in));
  const Latents l = latents(b, p);
  const QueryHeads h = queries(b, l);
  const Tensor idx = keys(b, p.index_weights, l, h.index);
  const Tensor pool = b.run.stack_rows(l.kv, l.entries, b.site("attn.pool"));
  const Tensor o = attend(b, h.q, pool, idx);

  const Fp8 u8 = project_output(b, o.view({n, c.n_group, int64_t(c.n_head / c.n_group) * c.head_dim}));
  return b.linear("attn.o_b", u8, "attn.wo_b");
}

}  // namespace engine
