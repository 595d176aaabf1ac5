// Fusions of the mixture of experts.
#include "expert_up_mxfp4.h"
#include "expert_up_nvfp4.h"
#include "ops.h"
#include "router_dispatch.h"
#include "router_hash_dispatch.h"
#include "shared_up.h"

namespace engine {
namespace {

// What both routers take and give, and their launch.
template <class Params>
Routing route(Run& r, const char* op, const RouterSites& site, Params& p, const Tensor& y, const Tensor& w, int n_act, float route_scale) {
  p.y = y.arg();
  p.w = w.arg();
  p.arrived = r.counter();
  p.n_tok = y.dim(0);
  p.n_expert = w.dim(0);
  p.n_act = n_act;
  p.d_model = y.dim(1);
  p.route_scale = route_scale;
  const int n_row = p.n_tok * n_act;
  const Shape slots{p.n_tok, n_act};
  const std::string &gate = site.gate, &dispatch = site.dispatch;
  const Tensor logits = r.out(DType::f32, {p.n_tok, p.n_expert}, site.logits);
  const Gate g{r.out(DType::i32, slots, gate + ".ids"), r.out(DType::f32, slots, gate + ".weights")};
  const Dispatch d{r.out(DType::i32, {p.n_expert + 1}, dispatch + ".offset"), r.out(DType::i32, {n_row}, dispatch + ".row_tok"),
                   r.out(DType::i32, {n_row}, dispatch + ".row_slot"), r.out(DType::i32, {n_row}, dispatch + ".row_expert"),
                   r.out(DType::i32, slots, dispatch + ".slot_row")};
  p.logits = logits.arg();
  p.ids = g.ids.arg();
  p.weights = g.weights.arg();
  p.offset = d.offset.arg();
  p.row_tok = d.row_tok.arg();
  p.row_slot = d.row_slot.arg();
  p.row_expert = d.row_expert.arg();
  p.slot_row = d.slot_row.arg();
  r.launch_fused(site.logits, op, p,
                 {{site.logits, logits},
                  {gate + ".ids", g.ids},
                  {gate + ".weights", g.weights},
                  {dispatch + ".offset", d.offset},
                  {dispatch + ".row_tok", d.row_tok},
                  {dispatch + ".row_slot", d.row_slot},
                  {dispatch + ".row_expert", d.row_expert},
                  {dispatch + ".slot_row", d.slot_row}});
  return {g, d};
}

// What passes between the parts of an expert's first half, rows x width.
struct UpTaps {
  Tensor g, u, act;

  template <class Params>
  UpTaps(Run& r, const UpSites& site, Params& p, const Shape& shape)
      : g(r.tapped(DType::bf16, shape, site.w1)), u(r.tapped(DType::bf16, shape, site.w3)), act(r.tapped(DType::bf16, shape, site.act)) {
    p.g = g.arg();
    p.u = u.arg();
    p.act = act.arg();
  }
  // Their taps, and those of the quantised activations.
  std::vector<Run::Part> with(const UpSites& site, const Tensor& q, const Tensor& s) const {
    return {{site.w1, g}, {site.w3, u}, {site.act, act}, {site.quant + ".q", q}, {site.quant + ".s", s}};
  }
};

// Which rows are whose, and what they weigh.
template <class Params>
void set_rows(Params& p, const UpRows& rows, const ExpertStack& w1, const ExpertStack& w3) {
  p.offset = rows.offset.arg();
  p.expert_slot = rows.expert_slot.arg();
  p.row_slot = rows.row_slot.arg();
  p.weight = rows.weight.arg();
  p.w1 = w1.w.arg();
  p.w1_s = w1.w_s.arg();
  p.w3 = w3.w.arg();
  p.w3_s = w3.w_s.arg();
  p.n_expert = rows.expert_slot.dim(0);
  p.n_slot = w1.w.dim(0);
  p.n_weight = rows.weight.dim(0);
  p.N = w1.w.dim(1);
  p.K = w1.w.dim(2);
  p.n_row = rows.row_slot.dim(0);
}

}  // namespace

Routing router_dispatch(Run& r, const RouterSites& site, const Tensor& y, const Tensor& w, const Tensor& bias, int n_act,
                        float route_scale) {
  RouterDispatchParams p{};
  p.bias = bias.arg();
  return route(r, "router_dispatch", site, p, y, w, n_act, route_scale);
}

Routing router_hash_dispatch(Run& r, const RouterSites& site, const Tensor& y, const Tensor& w, const Tensor& tok, const Tensor& tid2eid,
                             float route_scale) {
  RouterHashDispatchParams p{};
  p.tok = tok.arg();
  p.tid2eid = tid2eid.arg();
  p.vocab = tid2eid.dim(0);
  return route(r, "router_hash_dispatch", site, p, y, w, tid2eid.dim(1), route_scale);
}

Fp8 expert_up_mxfp4(Run& r, const UpSites& site, const Fp8& a, const Tensor& src_row, const UpRows& rows, const ExpertStack& w1,
                    const ExpertStack& w3, float limit) {
  ExpertUpMxfp4Params p{};
  p.a = a.q.arg();
  p.a_s = a.s.arg();
  p.src_row = src_row.arg();
  p.n_src = a.q.dim(0);
  set_rows(p, rows, w1, w3);
  p.limit = limit;
  p.floor = kQuantFloor;
  const UpTaps taps(r, site, p, {p.n_row, p.N});
  const Fp8 o = fp8_out(r, site.quant, p.n_row, p.N);
  p.q = o.q.arg();
  p.s = o.s.arg();
  r.launch_fused(site.w1, "expert_up_mxfp4", p, taps.with(site, o.q, o.s));
  return o;
}

Nvfp4 expert_up_nvfp4(Run& r, const UpSites& site, const Nvfp4& a, const UpRows& rows, const Tensor& row_expert, const ExpertStack& w1,
                      const ExpertStack& w3, const Tensor& act_global, float limit) {
  ExpertUpNvfp4Params p{};
  p.a = a.q.arg();
  p.a_s = a.s.arg();
  p.a_global = w1.a_global.arg();
  p.w1_global = w1.w_global.arg();
  p.w3_global = w3.w_global.arg();
  p.row_expert = row_expert.arg();
  p.act_global = act_global.arg();
  set_rows(p, rows, w1, w3);
  p.limit = limit;
  const UpTaps taps(r, site, p, {p.n_row, p.N});
  const Nvfp4 o{r.out(DType::e2m1, {p.n_row, p.N}, site.quant + ".q"), r.out(DType::e4m3, {p.n_row, p.N / 16}, site.quant + ".s")};
  p.q = o.q.arg();
  p.s = o.s.arg();
  r.launch_fused(site.w1, "expert_up_nvfp4", p, taps.with(site, o.q, o.s));
  return o;
}

Fp8 shared_up(Run& r, const UpSites& site, const Fp8& a, const Fp8& w1, const Fp8& w3, float limit) {
  SharedUpParams p{};
  p.a = a.q.arg();
  p.a_s = a.s.arg();
  p.w1 = w1.q.arg();
  p.w1_s = w1.s.arg();
  p.w3 = w3.q.arg();
  p.w3_s = w3.s.arg();
  p.M = a.q.dim(0);
  p.N = w1.q.dim(0);
  p.K = a.q.dim(1);
  p.limit = limit;
  p.floor = kQuantFloor;
  const UpTaps taps(r, site, p, {p.M, p.N});
  const Fp8 o = fp8_out(r, site.quant, p.M, p.N);
  p.q = o.q.arg();
  p.s = o.s.arg();
  r.launch_fused(site.w1, "shared_up", p, taps.with(site, o.q, o.s));
  return o;
}

}  // namespace engine
