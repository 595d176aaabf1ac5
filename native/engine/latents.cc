#include "latents.h"

#include "q_kv_csa.h"
#include "q_kv_hca.h"
#include "q_kv_norm.h"

namespace engine {
namespace {

const std::string kMain = "attn.compressor", kIndex = "attn.indexer.compressor";

// A compressor's projections of every token.
struct Gated {
  Tensor kv, gate;
};

// Entries whose windows the prompt completes.
struct Entries {
  int n = 0;
  Tensor pos;  // an entry sits at the position of its window's first token
  Gated main, index;
};
Entries entries_of(const BlockContext& b, const Projections& in) {
  Entries e{0, {}, {in.kv, in.gate}, {in.index_kv, in.index_gate}};
  if (b.kind().attention == Attention::swa) return e;
  const int ratio = b.kind().ratio;
  e.n = b.n_tok() / ratio;
  std::vector<int32_t> at(static_cast<size_t>(e.n));
  for (int i = 0; i < e.n; ++i) at[size_t(i)] = i * ratio;
  if (e.n > 0) e.pos = b.run.upload_i32(at, b.site("attn.compressor.pos"));
  return e;
}
int halves(const BlockContext& b) { return b.kind().attention == Attention::csa ? 2 : 1; }

// ---- op by op

// Entries of a compressor, turned but not yet in a cache's format.
Tensor compress(const BlockContext& b, const std::string& name, int width, const Gated& x, const Entries& e) {
  const auto site = [&](const char* part) { return b.site(name + "." + part); };
  const Tensor v =
      compress_pool(b.run, site("pooled"), x.kv, x.gate, b.weight(name + ".ape"), {e.n, b.kind().ratio, halves(b), width});
  const Tensor normed = b.norm(name + ".norm", v, name + ".norm.weight");
  return rope(b.run, site("rope"), normed.view({e.n, 1, width}), e.pos, b.freq, false).view({e.n, width});
}

Latents latents_by_op(const BlockContext& b, const Tensor& qa, const Tensor& kva, const Entries& e) {
  const Config& c = b.config;
  const int64_t n = b.n_tok(), D = c.head_dim;
  Latents l;
  l.qr = b.norm_quantise("attn.q_norm", "attn.qr_fp8", qa, "attn.q_norm.weight");
  const Tensor kvn = b.norm("attn.kv_norm", kva, "attn.kv_norm.weight");
  const Tensor kvr = rope(b.run, b.site("attn.kv_rope"), kvn.view({n, 1, D}), b.pos, b.freq, false);
  l.kv = kv_fp8_sim(b.run, b.site("attn.kv"), kvr.view({n, D}), c.head_dim - c.rope_dim, kKvBlock);
  if (e.n == 0) return l;
  l.entries = kv_fp8_sim(b.run, b.site(kMain + ".entry"), compress(b, kMain, c.head_dim, e.main, e), c.head_dim - c.rope_dim, kKvBlock);
  if (!e.index.kv) return l;
  const Tensor had = hadamard(b.run, b.site(kIndex + ".had"), compress(b, kIndex, c.index_dim, e.index, e));
  l.index = act_quant_mxfp4(b.run, b.site(kIndex + ".entry"), had);
  return l;
}

// ---- in one launch; the parameters that the fusions share have one name in all of them

struct Named {
  std::string tap;
  Tensor tensor;
};
using Taps = std::vector<Named>;

template <class P>
void launch_latents(const BlockContext& b, const char* op, const P& p, const Taps& taps) {
  std::vector<Run::Part> parts;
  for (const Named& t : taps) parts.push_back({t.tap, t.tensor});
  b.run.launch_fused(taps.front().tap, op, p, parts);
}

template <class P>
Latents put_q_kv(const BlockContext& b, const Tensor& qa, const Tensor& kva, P& p, Taps& taps) {
  const Config& c = b.config;
  const int64_t n = b.n_tok(), D = c.head_dim;
  p.q_a = qa.arg();
  p.q_w = b.weight("attn.q_norm.weight").arg();
  p.kv_a = kva.arg();
  p.kv_w = b.weight("attn.kv_norm.weight").arg();
  p.pos = b.pos.arg();
  p.freq = b.freq.arg();
  p.n_tok = b.n_tok();
  p.q_lora = qa.dim(1);
  p.head_dim = c.head_dim;
  p.n_freq = b.freq.dim(0);
  p.eps = float(c.eps);
  p.q_block = kQuantBlock;
  p.floor = kQuantFloor;
  p.n_nope = c.head_dim - c.rope_dim;
  p.kv_block = kKvBlock;
  const std::string q = b.site("attn.qr_fp8");
  const Tensor qr = b.run.tapped(DType::bf16, qa.shape, b.site("attn.q_norm"));
  const Tensor normed = b.run.tapped(DType::bf16, {n, D}, b.site("attn.kv_norm"));
  const Tensor turned = b.run.tapped(DType::bf16, {n, 1, D}, b.site("attn.kv_rope"));
  Latents l;
  l.qr = fp8_out(b.run, q, n, p.q_lora);
  l.kv = b.run.out(DType::bf16, {n, D}, b.site("attn.kv"));
  p.qr = qr.arg();
  p.q = l.qr.q.arg();
  p.q_s = l.qr.s.arg();
  p.kv_normed = normed.arg();
  p.kv_turned = turned.arg();
  p.kv = l.kv.arg();
  taps = {{b.site("attn.q_norm"), qr},       {q + ".q", l.qr.q},                 {q + ".s", l.qr.s},
          {b.site("attn.kv_norm"), normed}, {b.site("attn.kv_rope"), turned}, {b.site("attn.kv"), l.kv}};
  return l;
}

template <class P>
void put_entries(const BlockContext& b, const Entries& e, P& p, Latents& l, Taps& taps) {
  const int64_t D = b.config.head_dim;
  const auto site = [&](const char* part) { return b.site(kMain + "." + part); };
  p.entry_pos = e.pos.arg();
  p.main_kv = e.main.kv.arg();
  p.main_gate = e.main.gate.arg();
  p.main_ape = b.weight(kMain + ".ape").arg();
  p.main_w = b.weight(kMain + ".norm.weight").arg();
  p.n_held = e.main.kv.dim(0);
  p.n_entry = e.n;
  p.ratio = b.kind().ratio;
  p.n_coff = halves(b);
  p.tok0 = 0;  // a prompt from position 0: row 0 is token 0, and the first entry is entry 0
  p.entry0 = 0;
  const Tensor pooled = b.run.tapped(DType::bf16, {e.n, D}, site("pooled"));
  const Tensor normed = b.run.tapped(DType::bf16, {e.n, D}, site("norm"));
  const Tensor turned = b.run.tapped(DType::bf16, {e.n, 1, D}, site("rope"));
  l.entries = b.run.out(DType::bf16, {e.n, D}, site("entry"));
  p.main_pooled = pooled.arg();
  p.main_normed = normed.arg();
  p.main_turned = turned.arg();
  p.main = l.entries.arg();
  taps.insert(taps.end(), {{site("pooled"), pooled}, {site("norm"), normed}, {site("rope"), turned}, {site("entry"), l.entries}});
}

void put_index_entries(const BlockContext& b, const Entries& e, QKvCsaParams& p, Latents& l, Taps& taps) {
  const int64_t D = b.config.index_dim;
  const auto site = [&](const char* part) { return b.site(kIndex + "." + part); };
  p.index_kv = e.index.kv.arg();
  p.index_gate = e.index.gate.arg();
  p.index_ape = b.weight(kIndex + ".ape").arg();
  p.index_w = b.weight(kIndex + ".norm.weight").arg();
  p.index_dim = b.config.index_dim;
  const Tensor pooled = b.run.tapped(DType::bf16, {e.n, D}, site("pooled"));
  const Tensor normed = b.run.tapped(DType::bf16, {e.n, D}, site("norm"));
  const Tensor turned = b.run.tapped(DType::bf16, {e.n, 1, D}, site("rope"));
  const Tensor had = b.run.tapped(DType::bf16, {e.n, D}, site("had"));
  l.index = mxfp4_out(b.run, site("entry"), e.n, D);
  p.index_pooled = pooled.arg();
  p.index_normed = normed.arg();
  p.index_turned = turned.arg();
  p.index_had = had.arg();
  p.index_q = l.index.q.arg();
  p.index_s = l.index.s.arg();
  taps.insert(taps.end(), {{site("pooled"), pooled}, {site("norm"), normed}, {site("rope"), turned}, {site("had"), had},
                           {site("entry.q"), l.index.q}, {site("entry.s"), l.index.s}});
}

Latents latents_in_one(const BlockContext& b, const Tensor& qa, const Tensor& kva, const Entries& e) {
  Taps taps;
  if (e.n == 0) {
    QKvNormParams p{};
    const Latents l = put_q_kv(b, qa, kva, p, taps);
    launch_latents(b, "q_kv_norm", p, taps);
    return l;
  }
  if (!e.index.kv) {
    QKvHcaParams p{};
    Latents l = put_q_kv(b, qa, kva, p, taps);
    put_entries(b, e, p, l, taps);
    launch_latents(b, "q_kv_hca", p, taps);
    return l;
  }
  QKvCsaParams p{};
  Latents l = put_q_kv(b, qa, kva, p, taps);
  put_entries(b, e, p, l, taps);
  put_index_entries(b, e, p, l, taps);
  launch_latents(b, "q_kv_csa", p, taps);
  return l;
}

}  // namespace

bool attention_is_fused(const BlockContext& b) {
  const Config& c = b.config;
  const bool heads = c.head_dim % 8 == 0 && c.head_dim <= 2048 && c.rope_dim % 8 == 0 && c.rope_dim <= 512;
  const bool index = c.index_dim >= 32 && c.index_dim <= 256 && (c.index_dim & (c.index_dim - 1)) == 0;
  return b.run.fused() && heads && (index || b.kind().attention != Attention::csa);
}

Latents latents(const BlockContext& b, const Projections& in) {
  const Entries e = entries_of(b, in);
  return attention_is_fused(b) ? latents_in_one(b, in.q_a, in.kv_a, e) : latents_by_op(b, in.q_a, in.kv_a, e);
}

}  // namespace engine
