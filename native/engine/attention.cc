// Attention of one block: the query path, the raw keys, the compressed keys, and the output path.
#include <algorithm>
#include <cmath>

#include "block.h"

namespace engine {
namespace {

constexpr int kKvBlock = 64;

// Runs a compressor over the prompt: the entries whose windows are complete, turned but not yet in a cache's format; none when the
// prompt is shorter than a window.
Tensor compress(const BlockContext& b, const std::string& name, int width, const Tensor& y) {
  const Config& c = b.config;
  const LayerKind& kind = b.kind();
  const auto w = [&](const char* part) { return b.weight(name + "." + part); };
  const auto site = [&](const char* part) { return b.site(name + "." + part); };
  const Tensor kv = linear_f32(b.run, site("kv"), y, w("wkv.weight"));
  const Tensor gate = linear_f32(b.run, site("gate"), y, w("wgate.weight"));
  const int n = b.n_tok() / kind.ratio;
  if (n == 0) return {};
  const int n_coff = kind.attention == Attention::csa ? 2 : 1;
  const Tensor v = compress_pool(b.run, site("pooled"), kv, gate, w("ape"), {n, kind.ratio, n_coff, width});
  const Tensor normed = rmsnorm(b.run, site("norm"), v, w("norm.weight"), float(c.eps));
  // an entry sits at the position of its window's first token
  std::vector<int32_t> at(static_cast<size_t>(n));
  for (int i = 0; i < n; ++i) at[size_t(i)] = i * kind.ratio;
  const Tensor pos = b.run.upload_i32(at, site("pos"));
  return rope(b.run, site("rope"), normed.view({n, 1, width}), pos, b.freq, false).view({n, width});
}

// The indexer's choice among `keys` for every token.
Tensor select(const BlockContext& b, const Tensor& y, const Fp8& qr, const Mxfp4& keys) {
  const Config& c = b.config;
  const int64_t n = b.n_tok(), H = c.index_n_head, D = c.index_dim;
  const Tensor qb = b.linear("attn.indexer.q_b", qr, "attn.indexer.wq_b");
  const Tensor turned = rope(b.run, b.site("attn.indexer.q_rope"), qb.view({n, H, D}), b.pos, b.freq, false);
  const Tensor had = hadamard(b.run, b.site("attn.indexer.q_had"), turned.view({n * H, D}));
  const Mxfp4 q = act_quant_mxfp4(b.run, b.site("attn.indexer.q"), had);
  const Tensor w = linear_bf16(b.run, b.site("attn.indexer.weights"), y, b.weight("attn.indexer.weights_proj.weight"));
  const float scale = float(1 / std::sqrt(double(D)) * (1 / std::sqrt(double(H))));
  const Tensor s = index_scores(b.run, b.site("attn.indexer.scores"), q, keys, w, scale);
  return index_topk(b.run, b.site("attn.indexer.topk"), s, b.pos, std::min(c.index_topk, keys.q.rows()), b.kind().ratio);
}

}  // namespace

Compressed compressed_keys(const BlockContext& b, const Tensor& y, const Fp8& qr) {
  if (b.kind().attention == Attention::swa) return {};
  Compressed k;
  const Tensor turned = compress(b, "attn.compressor", b.config.head_dim, y);
  if (turned)
    k.entries = kv_fp8_sim(b.run, b.site("attn.compressor.entry"), turned, b.config.head_dim - b.config.rope_dim, kKvBlock);
  if (b.kind().attention == Attention::hca) return k;
  const Tensor keys = compress(b, "attn.indexer.compressor", b.config.index_dim, y);
  if (!keys) return k;
  const Tensor had = hadamard(b.run, b.site("attn.indexer.compressor.had"), keys);
  k.idx = select(b, y, qr, act_quant_mxfp4(b.run, b.site("attn.indexer.compressor.entry"), had));
  return k;
}

Tensor attention(const BlockContext& b, const SublayerInput& in) {
  const Config& c = b.config;
  const int64_t n = b.n_tok(), H = c.n_head, D = c.head_dim;
  const Tensor& y = in.y;
  const Fp8 y8 = b.codes("attn.y_fp8", in);
  const Tensor qa = b.linear("attn.q_a", y8, "attn.wq_a");
  const Fp8 qr8 = b.norm_quantise("attn.q_norm", "attn.qr_fp8", qa, "attn.q_norm.weight");
  const Tensor qb = b.linear("attn.q_b", qr8, "attn.wq_b");
  const Tensor q = q_norm_rope(b.run, b.site("attn.q"), qb.view({n, H, D}), b.pos, b.freq, float(c.eps));

  const Tensor kva = b.linear("attn.kv_a", y8, "attn.wkv");
  const Tensor kvn = b.norm("attn.kv_norm", kva, "attn.kv_norm.weight");
  const Tensor kvr = rope(b.run, b.site("attn.kv_rope"), kvn.view({n, 1, D}), b.pos, b.freq, false);
  const Tensor kv = kv_fp8_sim(b.run, b.site("attn.kv"), kvr.view({n, D}), c.head_dim - c.rope_dim, kKvBlock);

  const Compressed comp = compressed_keys(b, y, qr8);
  const int n_entry = comp.entries ? comp.entries.rows() : 0;
  const int n_comp = comp.idx ? comp.idx.dim(1) : n_entry;
  const Tensor idx = key_list(b.run, b.site("attn.keys"), b.pos, comp.idx, {n_comp, c.window, b.kind().ratio, int(n), n_entry});
  const Tensor pool = b.run.stack_rows(kv, comp.entries, b.site("attn.pool"));
  const Tensor o = sparse_attention(b.run, b.site("attn.core"), q, pool, idx, b.weight("attn.attn_sink"), float(1 / std::sqrt(double(D))));

  const Tensor turned_back = rope(b.run, b.site("attn.derope"), o, b.pos, b.freq, true);
  const Tensor grouped = turned_back.view({n, c.n_group, H / c.n_group * D});
  const Tensor u = grouped_linear_fp8w(b.run, b.site("attn.o_a"), grouped, b.weights.fp8(b.prefix + "attn.wo_a"));
  const Fp8 u8 = b.quantise("attn.o_fp8", u.view({n, int64_t(c.n_group) * c.o_lora}));
  return b.linear("attn.o_b", u8, "attn.wo_b");
}

}  // namespace engine
