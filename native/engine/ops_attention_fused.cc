// Fusions of attention: one launch under the sites of several ops.
#include "attention_derope.h"
#include "ops.h"
#include "query_heads.h"
#include "topk_keys.h"

namespace engine {

Tensor topk_keys(Run& r, Site topk, Site keys, const Tensor& s, const Tensor& pos, const Keys& k) {
  TopkKeysParams p{};
  p.s = s.arg();
  p.pos = pos.arg();
  p.n_tok = s.dim(0);
  p.n_entry = s.dim(1);
  p.topk = k.n_comp;
  p.ratio = k.ratio;
  p.window = k.window;
  p.n_raw = k.n_raw;
  p.raw0 = 0;
  const Tensor chosen = r.tapped(DType::i32, {p.n_tok, p.topk}, topk);
  const Tensor idx = r.out(DType::i32, {p.n_tok, p.window + p.topk}, keys);
  p.chosen = chosen.arg();
  p.idx = idx.arg();
  r.launch_fused(topk, "topk_keys", p, {{topk, chosen}, {keys, idx}});
  return idx;
}

QueryHeads query_heads(Run& r, Site q, const IndexSites& index, const Tensor& q_b, const Tensor& index_b, const Tensor& pos,
                       const Tensor& freq, float eps) {
  QueryHeadsParams p{};
  p.q_b = q_b.arg();
  p.index_b = index_b.arg();
  p.pos = pos.arg();
  p.freq = freq.arg();
  p.n_tok = q_b.dim(0);
  p.n_head = q_b.dim(1);
  p.head_dim = q_b.dim(2);
  p.index_n_head = index_b.dim(1);
  p.index_dim = index_b.dim(2);
  p.n_freq = freq.dim(0);
  p.eps = eps;
  const int64_t rows = int64_t(p.n_tok) * p.index_n_head, width = p.index_dim;
  const Tensor turned = r.tapped(DType::bf16, index_b.shape, index.turned);
  const Tensor had = r.tapped(DType::bf16, {rows, width}, index.had);
  const QueryHeads o{r.out(DType::bf16, q_b.shape, q), mxfp4_out(r, index.q, rows, width)};
  p.q = o.q.arg();
  p.index_turned = turned.arg();
  p.index_had = had.arg();
  p.index_q = o.index.q.arg();
  p.index_s = o.index.s.arg();
  r.launch_fused(q, "query_heads", p,
                 {{q, o.q}, {index.turned, turned}, {index.had, had}, {index.q + ".q", o.index.q}, {index.q + ".s", o.index.s}});
  return o;
}

Tensor attention_derope(Run& r, Site core, Site derope, const Tensor& q, const Tensor& kv, const Tensor& idx, const Tensor& sink,
                        const Tensor& pos, const Tensor& freq, float scale) {
  AttentionDeropeParams p{};
  p.q = q.arg();
  p.kv = kv.arg();
  p.idx = idx.arg();
  p.sink = sink.arg();
  p.pos = pos.arg();
  p.freq = freq.arg();
  p.n_tok = q.dim(0);
  p.n_head = q.dim(1);
  p.head_dim = q.dim(2);
  p.n_kv = kv.dim(0);
  p.n_key = idx.dim(1);
  p.n_freq = freq.dim(0);
  p.scale = scale;
  const Tensor o = r.tapped(DType::bf16, q.shape, core);
  const Tensor y = r.out(DType::bf16, q.shape, derope);
  p.o = o.arg();
  p.y = y.arg();
  r.launch_fused(core, "attention_derope", p, {{core, o}, {derope, y}});
  return y;
}

}  // namespace engine
