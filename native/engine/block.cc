#include "block.h"

namespace engine {
namespace {

// Streams -> one vector a token, and what puts it back.
struct Collapsed {
  Tensor y, post, comb;
};

Collapsed hc_pre(const BlockContext& b, const std::string& which, const Tensor& x) {
  const Config& c = b.config;
  const auto w = [&](const char* part) { return b.weight("hc_" + which + "_" + part); };
  const std::string site = b.site(which + "_hc");
  const Tensor mix = hc_mix(b.run, site + ".mix", x, w("fn"), float(c.eps));
  const HcSplit s = hc_split(b.run, site, mix, w("scale"), w("base"), c.hc, float(c.hc_eps), c.hc_iters);
  return {hc_collapse(b.run, site + ".collapsed", s.pre, x), s.post, s.comb};
}

}  // namespace

Tensor block(const BlockContext& b, const Tensor& x) {
  const Collapsed a = hc_pre(b, "attn", x);
  const Tensor y = b.norm("attn_norm", a.y, "attn_norm.weight");
  const Tensor z = attention(b, y);
  const Tensor mid = hc_post(b.run, b.site("attn_post"), z, x, a.post, a.comb);

  const Collapsed f = hc_pre(b, "ffn", mid);
  const Tensor g = b.norm("ffn_norm", f.y, "ffn_norm.weight");
  const Tensor m = moe(b, g);
  return hc_post(b.run, b.site("output"), m, mid, f.post, f.comb);
}

Tensor head(Run& run, Weights& w, const Config& c, const std::string& prefix, const Tensor& x) {
  const auto own = [&](const char* name) { return w.get(prefix + name); };
  const Tensor mix = hc_mix(run, prefix + "hc_head.mix", x, own("hc_head_fn"), float(c.eps));
  const Tensor pre = hc_head_split(run, prefix + "hc_head.pre", mix, own("hc_head_scale"), own("hc_head_base"), float(c.hc_eps));
  const Tensor h = hc_collapse(run, prefix + "hc_head", pre, x);
  const Tensor n = rmsnorm(run, prefix + "final_norm", h, own("norm.weight"), float(c.eps));
  return linear_f32(run, prefix + "logits", n, w.get("head.weight"));
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
