#include "block.h"

namespace engine {
namespace {

// What lies before the attention ("attn") or the experts ("ffn") of the block whose parameters begin with `prefix`.
SublayerStart sublayer(const BlockContext& b, const std::string& prefix, const std::string& which,
                       std::initializer_list<std::string> quant) {
  const Config& c = b.config;
  const auto w = [&](const std::string& name) { return b.weights.get(prefix + name); };
  SublayerStart s;
  s.fn = w("hc_" + which + "_fn"), s.scale = w("hc_" + which + "_scale"), s.base = w("hc_" + which + "_base");
  s.w = w(which + "_norm.weight");
  s.eps = float(c.eps), s.hc_eps = float(c.hc_eps), s.iters = c.hc_iters;
  s.hc = prefix + which + "_hc", s.norm = prefix + which + "_norm";
  for (const std::string& site : quant) s.quant.push_back(prefix + site);
  return s;
}
SublayerStart attn_of(const BlockContext& b, const std::string& prefix) { return sublayer(b, prefix, "attn", {"attn.y_fp8"}); }
SublayerStart ffn_of(const BlockContext& b) {
  if (block_is_nvfp4(b.config, b.index)) return sublayer(b, b.prefix, "ffn", {"ffn.shared.y_fp8"});
  return sublayer(b, b.prefix, "ffn", {"ffn.y_fp8", "ffn.shared.y_fp8"});
}

SublayerInput enter(const BlockContext& b, const SublayerStart& s, const Tensor& x) {
  if (streams_fuse(b.run, b.config.hc, b.config.d_model)) return hc_pre_norm(b.run, s, x);
  const Tensor mix = hc_mix(b.run, s.hc + ".mix", x, s.fn, s.eps);
  const HcSplit g = hc_split(b.run, s.hc, mix, s.scale, s.base, b.config.hc, s.hc_eps, s.iters);
  const Tensor y = hc_collapse(b.run, s.hc + ".collapsed", g.pre, x);
  return {rmsnorm(b.run, s.norm, y, s.w, s.eps), {}, g.post, g.comb};
}

// Puts attention's output back and makes the experts' input.
StreamsThenInput between(const BlockContext& b, const Tensor& z, const Tensor& x, const SublayerInput& a) {
  const SublayerStart s = ffn_of(b);
  const std::string post = b.site("attn_post");
  if (streams_fuse(b.run, b.config.hc, b.config.d_model)) return hc_post_norm(b.run, post, z, x, a, s);
  const Tensor mid = hc_post(b.run, post, z, x, a.post, a.comb);
  return {mid, enter(b, s, mid)};
}

// Puts the experts' output back; with a block after this one, makes the input of its attention where one launch does both.
BlockInput leave(const BlockContext& b, const ExpertOutputs& e, const Tensor& x, const SublayerInput& f, const std::string& next) {
  const std::string out = b.site("ffn.out"), post = b.site("output");
  if (!streams_fuse(b.run, b.config.hc, b.config.d_model))
    return {hc_post(b.run, post, moe_combine(b.run, out, e.routed, e.slot_row, e.shared), x, f.post, f.comb), {}};
  if (next.empty()) return {combine_post(b.run, out, post, e, x, f), {}};
  const StreamsThenInput s = combine_post_norm(b.run, out, post, e, x, f, attn_of(b, next));
  return {s.streams, s.in};
}

}  // namespace

BlockInput block(const BlockContext& b, const BlockInput& in, const std::string& next) {
  const SublayerInput a = in.attn.y ? in.attn : enter(b, attn_of(b, b.prefix), in.x);
  const StreamsThenInput mid = between(b, attention(b, a), in.x, a);
  return leave(b, moe(b, mid.in), mid.streams, mid.in, next);
}

Tensor head(Run& run, Weights& w, const Config& c, const std::string& prefix, const Tensor& x) {
  const auto own = [&](const char* name) { return w.get(prefix + name); };
  const std::string hc = prefix + "hc_head", norm = prefix + "final_norm";
  const Tensor fn = own("hc_head_fn"), scale = own("hc_head_scale"), base = own("hc_head_base"), weight = own("norm.weight");
  const float eps = float(c.eps), hc_eps = float(c.hc_eps);
  const auto normed = [&] {
    if (streams_fuse(run, c.hc, c.d_model)) return hc_head_norm(run, hc, norm, x, fn, scale, base, weight, eps, hc_eps);
    const Tensor mix = hc_mix(run, hc + ".mix", x, fn, eps);
    const Tensor pre = hc_head_split(run, hc + ".pre", mix, scale, base, hc_eps);
    return rmsnorm(run, norm, hc_collapse(run, hc, pre, x), weight, eps);
  };
  return linear_f32(run, prefix + "logits", normed(), w.get("head.weight"));
}

Tensor mtp_input(const BlockContext& b, const Tensor& x) {
  const Config& c = b.config;
  const int64_t n = b.n_tok(), d = c.d_model;
  const Tensor one = embed(b.run, b.site("embed"), b.ids, b.weights.get("embed.weight"), 1);
  const Tensor e = b.norm("enorm", one.view({n, d}), "enorm.weight");
  const Tensor h = b.norm("hnorm", x.view({n * c.hc, d}), "hnorm.weight");
  const Tensor ep = b.linear("e_proj", b.quantise("e_fp8", e), "e_proj");
  const Tensor hp = b.linear("h_proj", b.quantise("h_fp8", h), "h_proj");
  return mtp_fuse(b.run, b.site("fuse"), ep, hp.view({n, c.hc, d}));
}

}  // namespace engine
