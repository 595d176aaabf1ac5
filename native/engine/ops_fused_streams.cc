// Fusions of the residual streams: from a sublayer's output to the next one's input in one launch.
#include "combine_post.h"
#include "combine_post_norm.h"
#include "hc_head_norm.h"
#include "hc_post_norm.h"
#include "hc_pre_norm.h"
#include "ops.h"

namespace engine {
namespace {

// What the kernels that end in a sublayer's input give, and their taps.
struct NormOutputs {
  Tensor mix, pre, collapsed;
  SublayerInput in;

  void add_taps(const SublayerStart& s, std::vector<Run::Part>& to) const {
    to.push_back({s.hc + ".mix", mix});
    to.push_back({s.hc + ".pre", pre});
    to.push_back({s.hc + ".post", in.post});
    to.push_back({s.hc + ".comb", in.comb});
    to.push_back({s.hc + ".collapsed", collapsed});
    to.push_back({s.norm, in.y});
    for (const std::string& site : s.quant) {
      to.push_back({site + ".q", in.y8.q});
      to.push_back({site + ".s", in.y8.s});
    }
  }
};

// Shape, parameters and outputs of a kernel that ends in a sublayer's input, out of streams of the shape of `x`.
template <class Params>
NormOutputs start_sublayer(Run& r, const SublayerStart& s, const Tensor& x, Params& p) {
  p.n_tok = x.dim(0);
  p.hc = x.dim(1);
  p.d_model = x.dim(2);
  p.n_mix = s.fn.dim(0);
  p.fn = s.fn.arg();
  p.scale = s.scale.arg();
  p.base = s.base.arg();
  p.w = s.w.arg();
  p.eps = s.eps;
  p.hc_eps = s.hc_eps;
  p.iters = s.iters;
  p.block = kQuantBlock;
  p.floor = kQuantFloor;
  const Shape row{p.n_tok, p.d_model};
  const NormOutputs o{r.tapped(DType::f32, {p.n_tok, p.n_mix}, s.hc + ".mix"),
                      r.tapped(DType::f32, {p.n_tok, p.hc}, s.hc + ".pre"),
                      r.tapped(DType::bf16, row, s.hc + ".collapsed"),
                      {r.out(DType::bf16, row, s.norm), fp8_out(r, s.quant.front(), p.n_tok, p.d_model),
                       r.out(DType::f32, {p.n_tok, p.hc}, s.hc + ".post"), r.out(DType::f32, {p.n_tok, p.hc, p.hc}, s.hc + ".comb")}};
  p.mix = o.mix.arg();
  p.pre = o.pre.arg();
  p.collapsed = o.collapsed.arg();
  p.y = o.in.y.arg();
  p.q = o.in.y8.q.arg();
  p.s = o.in.y8.s.arg();
  p.post = o.in.post.arg();
  p.comb = o.in.comb.arg();
  return o;
}

// The streams before a sublayer and what puts its output back; gives those after it.
template <class Params>
Tensor put_back(Run& r, Site post, const Tensor& x, const SublayerInput& from, Params& p) {
  p.x = x.arg();
  p.post_in = from.post.arg();
  p.comb_in = from.comb.arg();
  const Tensor streams = r.out(DType::bf16, x.shape, post);
  p.streams = streams.arg();
  return streams;
}

// The experts' outputs; gives their sum.
template <class Params>
Tensor add_experts(Run& r, Site out, const ExpertOutputs& e, Params& p) {
  p.routed = e.routed.arg();
  p.slot_row = e.slot_row.arg();
  p.shared = e.shared.arg();
  p.n_row = e.routed.dim(0);
  p.n_act = e.slot_row.dim(1);
  const Tensor z = r.tapped(DType::bf16, e.shared.shape, out);
  p.z = z.arg();
  return z;
}

}  // namespace

bool streams_fuse(const Run& r, int hc, int d_model) { return r.fused() && plan::Streams::takes(hc, d_model); }

SublayerInput hc_pre_norm(Run& r, const SublayerStart& s, const Tensor& x) {
  HcPreNormParams p{};
  p.x = x.arg();
  const NormOutputs o = start_sublayer(r, s, x, p);
  std::vector<Run::Part> taps;
  o.add_taps(s, taps);
  r.launch_fused(s.hc, "hc_pre_norm", p, taps);
  return o.in;
}

StreamsThenInput hc_post_norm(Run& r, Site post, const Tensor& z, const Tensor& x, const SublayerInput& from, const SublayerStart& s) {
  HcPostNormParams p{};
  p.z = z.arg();
  const Tensor streams = put_back(r, post, x, from, p);
  const NormOutputs o = start_sublayer(r, s, x, p);
  std::vector<Run::Part> taps{{post, streams}};
  o.add_taps(s, taps);
  r.launch_fused(post, "hc_post_norm", p, taps);
  return {streams, o.in};
}

StreamsThenInput combine_post_norm(Run& r, Site out, Site post, const ExpertOutputs& e, const Tensor& x, const SublayerInput& from,
                                   const SublayerStart& s) {
  CombinePostNormParams p{};
  const Tensor z = add_experts(r, out, e, p);
  const Tensor streams = put_back(r, post, x, from, p);
  const NormOutputs o = start_sublayer(r, s, x, p);
  std::vector<Run::Part> taps{{out, z}, {post, streams}};
  o.add_taps(s, taps);
  r.launch_fused(out, "combine_post_norm", p, taps);
  return {streams, o.in};
}

Tensor combine_post(Run& r, Site out, Site post, const ExpertOutputs& e, const Tensor& x, const SublayerInput& from) {
  CombinePostParams p{};
  p.n_tok = x.dim(0);
  p.hc = x.dim(1);
  p.d_model = x.dim(2);
  const Tensor z = add_experts(r, out, e, p);
  const Tensor streams = put_back(r, post, x, from, p);
  r.launch_fused(out, "combine_post", p, {{out, z}, {post, streams}});
  return streams;
}

Tensor hc_head_norm(Run& r, Site hc, Site norm, const Tensor& x, const Tensor& fn, const Tensor& scale, const Tensor& base, const Tensor& w,
                    float eps, float hc_eps) {
  HcHeadNormParams p{};
  p.x = x.arg();
  p.fn = fn.arg();
  p.scale = scale.arg();
  p.base = base.arg();
  p.w = w.arg();
  p.n_tok = x.dim(0);
  p.hc = x.dim(1);
  p.d_model = x.dim(2);
  p.eps = eps;
  p.hc_eps = hc_eps;
  const Tensor mix = r.tapped(DType::f32, {p.n_tok, p.hc}, hc + ".mix"), pre = r.tapped(DType::f32, {p.n_tok, p.hc}, hc + ".pre");
  const Tensor collapsed = r.tapped(DType::bf16, {p.n_tok, p.d_model}, hc), y = r.out(DType::bf16, {p.n_tok, p.d_model}, norm);
  p.mix = mix.arg();
  p.pre = pre.arg();
  p.collapsed = collapsed.arg();
  p.y = y.arg();
  r.launch_fused(hc, "hc_head_norm", p, {{hc + ".mix", mix}, {hc + ".pre", pre}, {hc, collapsed}, {norm, y}});
  return y;
}

}  // namespace engine
