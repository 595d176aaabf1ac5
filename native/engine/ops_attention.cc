// Compressed keys, the indexer, key lists and attention itself.
#include "compress_pool.h"
#include "hadamard.h"
#include "index_scores.h"
#include "index_topk.h"
#include "key_list.h"
#include "ops.h"
#include "sparse_attention.h"

namespace engine {

Tensor compress_pool(Run& r, Site site, const Tensor& kv, const Tensor& gate, const Tensor& ape, const Pool& pool) {
  CompressPoolParams p{};
  p.kv = kv.arg();
  p.gate = gate.arg();
  p.ape = ape.arg();
  p.n_tok = kv.dim(0);
  p.n_entry = pool.n_entry;
  p.ratio = pool.ratio;
  p.n_coff = pool.n_coff;
  p.width = pool.width;
  p.tok0 = 0;  // a prompt from position 0: row 0 is token 0, and the first entry is entry 0
  p.entry0 = 0;
  const Tensor v = r.out(DType::bf16, {p.n_entry, p.width}, site);
  p.v = v.arg();
  r.launch(site, "compress_pool", p, {{"v", v}});
  return v;
}

Tensor hadamard(Run& r, Site site, const Tensor& x) {
  HadamardParams p{};
  p.x = x.arg();
  p.n_row = x.dim(0);
  p.width = x.dim(1);
  const Tensor y = r.out(DType::bf16, x.shape, site);
  p.y = y.arg();
  r.launch(site, "hadamard", p, {{"y", y}});
  return y;
}

Tensor index_scores(Run& r, Site site, const Mxfp4& q, const Mxfp4& k, const Tensor& w, float scale) {
  IndexScoresParams p{};
  p.q = q.q.arg();
  p.q_s = q.s.arg();
  p.k = k.q.arg();
  p.k_s = k.s.arg();
  p.w = w.arg();
  p.n_tok = w.dim(0);
  p.n_head = w.dim(1);
  p.width = k.q.dim(1);
  p.n_entry = k.q.dim(0);
  p.scale = scale;
  const Tensor s = r.out(DType::f32, {p.n_tok, p.n_entry}, site);
  p.s = s.arg();
  r.launch(site, "index_scores", p, {{"s", s}});
  return s;
}

Tensor index_topk(Run& r, Site site, const Tensor& s, const Tensor& pos, int topk, int ratio) {
  IndexTopkParams p{};
  p.s = s.arg();
  p.pos = pos.arg();
  p.n_tok = s.dim(0);
  p.n_entry = s.dim(1);
  p.topk = topk;
  p.ratio = ratio;
  const Tensor idx = r.out(DType::i32, {p.n_tok, topk}, site);
  p.idx = idx.arg();
  r.launch(site, "index_topk", p, {{"idx", idx}});
  return idx;
}

Tensor key_list(Run& r, Site site, const Tensor& pos, const Tensor& comp, const Keys& k) {
  KeyListParams p{};
  p.pos = pos.arg();
  p.comp = comp.arg();
  p.n_tok = pos.dim(0);
  p.n_comp = k.n_comp;
  p.window = k.window;
  p.ratio = k.ratio;
  p.n_raw = k.n_raw;
  p.n_entry = k.n_entry;
  p.raw0 = 0;
  const Tensor idx = r.out(DType::i32, {p.n_tok, p.window + p.n_comp}, site);
  p.idx = idx.arg();
  r.launch(site, "key_list", p, {{"idx", idx}});
  return idx;
}

Tensor sparse_attention(Run& r, Site site, const Tensor& q, const Tensor& kv, const Tensor& idx, const Tensor& sink, float scale) {
  SparseAttentionParams p{};
  p.q = q.arg();
  p.kv = kv.arg();
  p.idx = idx.arg();
  p.sink = sink.arg();
  p.n_tok = q.dim(0);
  p.n_head = q.dim(1);
  p.head_dim = q.dim(2);
  p.n_kv = kv.dim(0);
  p.n_key = idx.dim(1);
  p.scale = scale;
  const Tensor o = r.out(DType::bf16, q.shape, site);
  p.o = o.arg();
  r.launch(site, "sparse_attention", p, {{"o", o}});
  return o;
}

}  // namespace engine
