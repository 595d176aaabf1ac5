// Linears that share a launch, with each other or with the quantiser behind them.
#include "linear_fp8_pair.h"
#include "o_a_quant.h"
#include "ops.h"
#include "project_y_csa.h"
#include "project_y_hca.h"

namespace engine {

Two linear_fp8_pair(Run& r, Site site0, Site site1, const Fp8& a, const Fp8& w0, const Fp8& w1) {
  LinearFp8PairParams p{};
  p.a = a.q.arg();
  p.a_s = a.s.arg();
  p.w0 = w0.q.arg();
  p.w0_s = w0.s.arg();
  p.w1 = w1.q.arg();
  p.w1_s = w1.s.arg();
  p.M = a.q.dim(0);
  p.N0 = w0.q.dim(0);
  p.N1 = w1.q.dim(0);
  p.K = w0.q.dim(1);
  const Two o{r.out(DType::bf16, {p.M, p.N0}, site0), r.out(DType::bf16, {p.M, p.N1}, site1)};
  p.y0 = o.y0.arg();
  p.y1 = o.y1.arg();
  r.launch_fused(site0, "linear_fp8_pair", p, {{site0, o.y0}, {site1, o.y1}});
  return o;
}

namespace {

// What both fusions of the input's linears have.
template <class Params>
Projections common(Run& r, Params& p, const Tensor& y, const Fp8& y8, const HcaLinears& w) {
  p.y = y.arg();
  p.y8 = y8.q.arg();
  p.y8_s = y8.s.arg();
  p.q_a_w = w.q_a.w.arg();
  p.q_a_w_s = w.q_a.w_s.arg();
  p.kv_a_w = w.kv_a.w.arg();
  p.kv_a_w_s = w.kv_a.w_s.arg();
  p.kv_w = w.kv.w.arg();
  p.gate_w = w.gate.w.arg();
  p.M = y.dim(0);
  p.K = y.dim(1);
  p.n_q = w.q_a.w.dim(0);
  p.n_kv = w.kv_a.w.dim(0);
  p.n_comp = w.kv.w.dim(0);
  Projections o;
  o.q_a = r.out(DType::bf16, {p.M, p.n_q}, w.q_a.site);
  o.kv_a = r.out(DType::bf16, {p.M, p.n_kv}, w.kv_a.site);
  o.kv = r.out(DType::f32, {p.M, p.n_comp}, w.kv.site);
  o.gate = r.out(DType::f32, {p.M, p.n_comp}, w.gate.site);
  p.q_a = o.q_a.arg();
  p.kv_a = o.kv_a.arg();
  p.kv = o.kv.arg();
  p.gate = o.gate.arg();
  return o;
}

}  // namespace

Projections project_y(Run& r, const Tensor& y, const Fp8& y8, const HcaLinears& w) {
  ProjectYHcaParams p{};
  const Projections o = common(r, p, y, y8, w);
  r.launch_fused(w.q_a.site, "project_y_hca", p,
                 {{w.q_a.site, o.q_a}, {w.kv_a.site, o.kv_a}, {w.kv.site, o.kv}, {w.gate.site, o.gate}});
  return o;
}

Projections project_y(Run& r, const Tensor& y, const Fp8& y8, const CsaLinears& w) {
  ProjectYCsaParams p{};
  Projections o = common(r, p, y, y8, w);
  p.index_kv_w = w.index_kv.w.arg();
  p.index_gate_w = w.index_gate.w.arg();
  p.index_weights_w = w.index_weights.w.arg();
  p.n_index = w.index_kv.w.dim(0);
  p.n_head = w.index_weights.w.dim(0);
  o.index_kv = r.out(DType::f32, {p.M, p.n_index}, w.index_kv.site);
  o.index_gate = r.out(DType::f32, {p.M, p.n_index}, w.index_gate.site);
  o.index_weights = r.out(DType::bf16, {p.M, p.n_head}, w.index_weights.site);
  p.index_kv = o.index_kv.arg();
  p.index_gate = o.index_gate.arg();
  p.index_weights = o.index_weights.arg();
  std::vector<Run::Part> parts{{w.q_a.site, o.q_a},           {w.kv_a.site, o.kv_a},
                               {w.kv.site, o.kv},             {w.gate.site, o.gate},
                               {w.index_kv.site, o.index_kv}, {w.index_gate.site, o.index_gate}};
  if (w.selects) parts.push_back({w.index_weights.site, o.index_weights});
  r.launch_fused(w.q_a.site, "project_y_csa", p, parts);
  return o;
}

Fp8 o_a_quant(Run& r, Site linear, Site quant, const Tensor& a, const Fp8& w) {
  OAQuantParams p{};
  p.a = a.arg();
  p.w = w.q.arg();
  p.w_s = w.s.arg();
  p.M = a.dim(0);
  p.n_group = a.dim(1);
  p.n_block = w.q.dim(0) / p.n_group / kQuantBlock;
  p.K = a.dim(2);
  p.floor = kQuantFloor;
  const int64_t N = int64_t(p.n_block) * kQuantBlock;
  const Tensor u = r.tapped(DType::bf16, {p.M, p.n_group, N}, linear);
  const Fp8 o = fp8_out(r, quant, p.M, p.n_group * N);
  p.u = u.arg();
  p.q = o.q.arg();
  p.s = o.s.arg();
  r.launch_fused(linear, "o_a_quant", p, {{linear, u}, {quant + ".q", o.q}, {quant + ".s", o.s}});
  return o;
}

}  // namespace engine
