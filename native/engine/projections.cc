// The linears of attention: what reads the normed input, the queries, and the first half of the output projection.
#include "block.h"

namespace engine {
namespace {

Linear fp8(const BlockContext& b, const char* site, const std::string& name) {
  const Fp8 w = b.weights.fp8(b.prefix + name);
  return {b.site(site), w.q, w.s};
}
Linear bf16(const BlockContext& b, const char* site, const char* name) { return {b.site(site), b.weight(name), {}}; }

// A window is complete.
bool has_entries(const BlockContext& b) { return b.n_tok() >= b.kind().ratio; }

Two two(const BlockContext& b, const Fp8& x, const Linear& w0, const Linear& w1) {
  const Fp8 fp8_0{w0.w, w0.w_s}, fp8_1{w1.w, w1.w_s};
  if (b.run.fused()) return linear_fp8_pair(b.run, w0.site, w1.site, x, fp8_0, fp8_1);
  return {linear_fp8(b.run, w0.site, x, fp8_0), linear_fp8(b.run, w1.site, x, fp8_1)};
}

HcaLinears hca(const BlockContext& b) {
  return {fp8(b, "attn.q_a", "attn.wq_a"), fp8(b, "attn.kv_a", "attn.wkv"),
          bf16(b, "attn.compressor.kv", "attn.compressor.wkv.weight"),
          bf16(b, "attn.compressor.gate", "attn.compressor.wgate.weight")};
}
CsaLinears csa(const BlockContext& b) {
  return {hca(b), bf16(b, "attn.indexer.compressor.kv", "attn.indexer.compressor.wkv.weight"),
          bf16(b, "attn.indexer.compressor.gate", "attn.indexer.compressor.wgate.weight"),
          bf16(b, "attn.indexer.weights", "attn.indexer.weights_proj.weight"), has_entries(b)};
}

Projections one_by_one(const BlockContext& b, const Tensor& y, const Fp8& y8, const HcaLinears& w) {
  const Two o = two(b, y8, w.q_a, w.kv_a);
  Projections p{o.y0, o.y1};
  p.kv = linear_f32(b.run, w.kv.site, y, w.kv.w);
  p.gate = linear_f32(b.run, w.gate.site, y, w.gate.w);
  return p;
}
Projections one_by_one(const BlockContext& b, const Tensor& y, const Fp8& y8, const CsaLinears& w) {
  Projections p = one_by_one(b, y, y8, static_cast<const HcaLinears&>(w));
  p.index_kv = linear_f32(b.run, w.index_kv.site, y, w.index_kv.w);
  p.index_gate = linear_f32(b.run, w.index_gate.site, y, w.index_gate.w);
  if (w.selects) p.index_weights = linear_bf16(b.run, w.index_weights.site, y, w.index_weights.w);
  return p;
}

}  // namespace

Projections project_input(const BlockContext& b, const Tensor& y, const Fp8& y8) {
  const auto all = [&](const auto& w) { return b.run.fused() ? project_y(b.run, y, y8, w) : one_by_one(b, y, y8, w); };
  switch (b.kind().attention) {
    case Attention::hca: return all(hca(b));
    case Attention::csa: return all(csa(b));
    case Attention::swa: break;
  }
  const Two o = two(b, y8, fp8(b, "attn.q_a", "attn.wq_a"), fp8(b, "attn.kv_a", "attn.wkv"));
  return {o.y0, o.y1};
}

Queries project_queries(const BlockContext& b, const Fp8& qr) {
  if (b.kind().attention != Attention::csa || !has_entries(b)) return {b.linear("attn.q_b", qr, "attn.wq_b"), {}};
  const Two o = two(b, qr, fp8(b, "attn.q_b", "attn.wq_b"), fp8(b, "attn.indexer.q_b", "attn.indexer.wq_b"));
  return {o.y0, o.y1};
}

Fp8 project_output(const BlockContext& b, const Tensor& o) {
  const Config& c = b.config;
  const Fp8 w = b.weights.fp8(b.prefix + "attn.wo_a");
  if (b.run.fused() && c.o_lora % kQuantBlock == 0) return o_a_quant(b.run, b.site("attn.o_a"), b.site("attn.o_fp8"), o, w);
  const Tensor u = grouped_linear_fp8w(b.run, b.site("attn.o_a"), o, w);
  return b.quantise("attn.o_fp8", u.view({b.n_tok(), int64_t(c.n_group) * c.o_lora}));
}

}  // namespace engine
