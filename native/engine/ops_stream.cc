// Ops of the residual streams and of the model's two ends.
#include "embed.h"
#include "hc_collapse.h"
#include "hc_head_split.h"
#include "hc_mix.h"
#include "hc_post.h"
#include "hc_split.h"
#include "mtp_fuse.h"
#include "ops.h"
#include "sample.h"

namespace engine {

Tensor embed(Run& r, Site site, const Tensor& tok, const Tensor& table, int hc) {
  EmbedParams p{};
  p.tok = tok.arg();
  p.table = table.arg();
  p.n_tok = tok.rows();
  p.vocab = table.dim(0);
  p.d_model = table.dim(1);
  p.hc = hc;
  const Tensor x = r.out(DType::bf16, {p.n_tok, hc, p.d_model}, site);
  p.x = x.arg();
  r.launch(site, "embed", p, {{"x", x}});
  return x;
}

Tensor mtp_fuse(Run& r, Site site, const Tensor& e, const Tensor& h) {
  MtpFuseParams p{};
  p.e = e.arg();
  p.h = h.arg();
  p.n_tok = h.dim(0);
  p.hc = h.dim(1);
  p.d_model = h.dim(2);
  const Tensor x = r.out(DType::bf16, h.shape, site);
  p.x = x.arg();
  r.launch(site, "mtp_fuse", p, {{"x", x}});
  return x;
}

Tensor sample(Run& r, Site site, const Tensor& logits, const Tensor& pos, const Sampling& s) {
  SampleParams p{};
  p.logits = logits.arg();
  p.pos = pos.arg();
  p.n_row = logits.dim(0);
  p.vocab = logits.dim(1);
  p.temperature = s.temperature;
  p.top_p = s.top_p;
  p.seed = s.seed;
  const Tensor id = r.out(DType::i32, {p.n_row}, site);
  p.id = id.arg();
  r.launch(site, "sample", p, {{"id", id}});
  return id;
}

Tensor hc_mix(Run& r, Site site, const Tensor& x, const Tensor& fn, float eps) {
  HcMixParams p{};
  p.x = x.arg();
  p.fn = fn.arg();
  p.n_tok = x.dim(0);
  p.hc = x.dim(1);
  p.d_model = x.dim(2);
  p.n_mix = fn.dim(0);
  p.eps = eps;
  const Tensor mix = r.out(DType::f32, {p.n_tok, p.n_mix}, site);
  p.mix = mix.arg();
  r.launch(site, "hc_mix", p, {{"mix", mix}});
  return mix;
}

HcSplit hc_split(Run& r, Site site, const Tensor& mix, const Tensor& scale, const Tensor& base, int hc, float eps, int iters) {
  HcSplitParams p{};
  p.mix = mix.arg();
  p.scale = scale.arg();
  p.base = base.arg();
  p.n_tok = mix.dim(0);
  p.hc = hc;
  p.n_mix = mix.dim(1);
  p.eps = eps;
  p.iters = iters;
  const HcSplit o{r.out(DType::f32, {p.n_tok, hc}, site + ".pre"), r.out(DType::f32, {p.n_tok, hc}, site + ".post"),
                  r.out(DType::f32, {p.n_tok, hc, hc}, site + ".comb")};
  p.pre = o.pre.arg();
  p.post = o.post.arg();
  p.comb = o.comb.arg();
  r.launch(site, "hc_split", p, {{"pre", o.pre}, {"post", o.post}, {"comb", o.comb}});
  return o;
}

Tensor hc_head_split(Run& r, Site site, const Tensor& mix, const Tensor& scale, const Tensor& base, float eps) {
  HcHeadSplitParams p{};
  p.mix = mix.arg();
  p.scale = scale.arg();
  p.base = base.arg();
  p.n_tok = mix.dim(0);
  p.hc = mix.dim(1);
  p.eps = eps;
  const Tensor pre = r.out(DType::f32, mix.shape, site);
  p.pre = pre.arg();
  r.launch(site, "hc_head_split", p, {{"pre", pre}});
  return pre;
}

Tensor hc_collapse(Run& r, Site site, const Tensor& pre, const Tensor& x) {
  HcCollapseParams p{};
  p.pre = pre.arg();
  p.x = x.arg();
  p.n_tok = x.dim(0);
  p.hc = x.dim(1);
  p.d_model = x.dim(2);
  const Tensor y = r.out(DType::bf16, {p.n_tok, p.d_model}, site);
  p.y = y.arg();
  r.launch(site, "hc_collapse", p, {{"y", y}});
  return y;
}

Tensor hc_post(Run& r, Site site, const Tensor& z, const Tensor& x, const Tensor& post, const Tensor& comb) {
  HcPostParams p{};
  p.z = z.arg();
  p.x = x.arg();
  p.post = post.arg();
  p.comb = comb.arg();
  p.n_tok = x.dim(0);
  p.hc = x.dim(1);
  p.d_model = x.dim(2);
  const Tensor y = r.out(DType::bf16, x.shape, site);
  p.y = y.arg();
  r.launch(site, "hc_post", p, {{"y", y}});
  return y;
}

}  // namespace engine
