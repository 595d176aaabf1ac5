#include "specs.h"

namespace engine {
namespace {

struct Table {
  std::vector<Spec> rows;
  void add(const std::string& name, const char* dtype, std::vector<int64_t> shape) { rows.push_back({name, dtype, std::move(shape)}); }
  void bf16(const std::string& name, std::vector<int64_t> shape) { add(name, "BF16", std::move(shape)); }
  void f32(const std::string& name, std::vector<int64_t> shape) { add(name, "F32", std::move(shape)); }
  // FP8 weight with one ue8m0 scale per 128 x 128 block
  void fp8(const std::string& name, int64_t N, int64_t K) {
    add(name + ".weight", "F8_E4M3", {N, K});
    add(name + ".scale", "F8_E8M0", {(N + 127) / 128, (K + 127) / 128});
  }
  void compressor(const std::string& p, const Config& c, int ratio, int n_coff, int width) {
    f32(p + ".ape", {ratio, n_coff * width});
    bf16(p + ".wkv.weight", {n_coff * width, c.d_model});
    bf16(p + ".wgate.weight", {n_coff * width, c.d_model});
    bf16(p + ".norm.weight", {width});
  }
  void head(const std::string& p, const Config& c) {
    bf16(p + "norm.weight", {c.d_model});
    f32(p + "hc_head_fn", {c.hc, c.hc * c.d_model});
    f32(p + "hc_head_base", {c.hc});
    f32(p + "hc_head_scale", {1});
  }
};

}  // namespace

std::vector<Spec> top_specs(const Config& c) {
  Table t;
  t.bf16("embed.weight", {c.vocab, c.d_model});
  t.bf16("head.weight", {c.vocab, c.d_model});
  t.head("", c);
  return t.rows;
}

std::vector<Spec> block_specs(const Config& c, int i) {
  Table t;
  const std::string p = c.prefix(i);
  const LayerKind& kind = c.layers[i];
  const int64_t d = c.d_model, n_mix = (2 + c.hc) * c.hc;
  t.bf16(p + "attn_norm.weight", {d});
  t.bf16(p + "ffn_norm.weight", {d});
  for (const char* which : {"hc_attn_", "hc_ffn_"}) {
    t.f32(p + which + "fn", {n_mix, c.hc * d});
    t.f32(p + which + "base", {n_mix});
    t.f32(p + which + "scale", {3});
  }
  const std::string a = p + "attn.";
  t.f32(a + "attn_sink", {c.n_head});
  t.fp8(a + "wq_a", c.q_lora, d);
  t.bf16(a + "q_norm.weight", {c.q_lora});
  t.fp8(a + "wq_b", int64_t(c.n_head) * c.head_dim, c.q_lora);
  t.fp8(a + "wkv", c.head_dim, d);
  t.bf16(a + "kv_norm.weight", {c.head_dim});
  t.fp8(a + "wo_a", int64_t(c.n_group) * c.o_lora, int64_t(c.n_head / c.n_group) * c.head_dim);
  t.fp8(a + "wo_b", d, int64_t(c.n_group) * c.o_lora);
  if (kind.attention != Attention::swa)
    t.compressor(a + "compressor", c, kind.ratio, kind.attention == Attention::csa ? 2 : 1, c.head_dim);
  if (kind.attention == Attention::csa) {
    t.fp8(a + "indexer.wq_b", int64_t(c.index_n_head) * c.index_dim, c.q_lora);
    t.bf16(a + "indexer.weights_proj.weight", {c.index_n_head, d});
    t.compressor(a + "indexer.compressor", c, kind.ratio, 2, c.index_dim);
  }
  const std::string f = p + "ffn.";
  t.bf16(f + "gate.weight", {c.n_expert, d});
  if (kind.hash) t.add(f + "gate.tid2eid", "I64", {c.vocab, c.n_act});
  else t.f32(f + "gate.bias", {c.n_expert});
  t.fp8(f + "shared_experts.w1", c.d_ff, d);
  t.fp8(f + "shared_experts.w3", c.d_ff, d);
  t.fp8(f + "shared_experts.w2", d, c.d_ff);
  if (i >= c.n_layer) {
    t.fp8(p + "e_proj", d, d);
    t.fp8(p + "h_proj", d, d);
    t.bf16(p + "enorm.weight", {d});
    t.bf16(p + "hnorm.weight", {d});
    t.head(p, c);
  }
  return t.rows;
}

std::vector<Spec> expert_specs(const Config& c, int i, int expert) {
  Table t;
  const std::string p = c.prefix(i) + "ffn.experts." + std::to_string(expert) + ".";
  const auto projection = [&](const std::string& name, int64_t N, int64_t K) {
    if (block_is_nvfp4(c, i)) {
      t.add(name + ".weight", "U8", {N, K / 2});
      t.add(name + ".weight_scale", "F8_E4M3", {N, K / 16});
      t.f32(name + ".weight_scale_2", {});
      t.f32(name + ".input_scale", {});
    } else {
      t.add(name + ".weight", "I8", {N, K / 2});
      t.add(name + ".scale", "F8_E8M0", {N, K / 32});
    }
  };
  projection(p + "w1", c.d_ff, c.d_model);
  projection(p + "w3", c.d_ff, c.d_model);
  projection(p + "w2", c.d_model, c.d_ff);
  return t.rows;
}

}  // namespace engine
