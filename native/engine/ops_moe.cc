// Routing, experts and their combination.
#include "act_quant_nvfp4.h"
#include "expert_linear_mxfp4.h"
#include "expert_linear_nvfp4.h"
#include "gate_hash.h"
#include "gate_topk.h"
#include "moe_combine.h"
#include "moe_dispatch.h"
#include "ops.h"
#include "swiglu.h"

namespace engine {

Gate gate_hash(Run& r, Site site, const Tensor& logits, const Tensor& tok, const Tensor& tid2eid, float route_scale) {
  GateHashParams p{};
  p.logits = logits.arg();
  p.tok = tok.arg();
  p.tid2eid = tid2eid.arg();
  p.n_tok = logits.dim(0);
  p.n_expert = logits.dim(1);
  p.vocab = tid2eid.dim(0);
  p.n_act = tid2eid.dim(1);
  p.route_scale = route_scale;
  const Gate g{r.out(DType::i32, {p.n_tok, p.n_act}, site + ".ids"), r.out(DType::f32, {p.n_tok, p.n_act}, site + ".weights")};
  p.ids = g.ids.arg();
  p.weights = g.weights.arg();
  r.launch(site, "gate_hash", p, {{"ids", g.ids}, {"weights", g.weights}});
  return g;
}

Gate gate_topk(Run& r, Site site, const Tensor& logits, const Tensor& bias, int n_act, float route_scale) {
  GateTopkParams p{};
  p.logits = logits.arg();
  p.bias = bias.arg();
  p.n_tok = logits.dim(0);
  p.n_expert = logits.dim(1);
  p.n_act = n_act;
  p.route_scale = route_scale;
  const Gate g{r.out(DType::i32, {p.n_tok, n_act}, site + ".ids"), r.out(DType::f32, {p.n_tok, n_act}, site + ".weights")};
  p.ids = g.ids.arg();
  p.weights = g.weights.arg();
  r.launch(site, "gate_topk", p, {{"ids", g.ids}, {"weights", g.weights}});
  return g;
}

Dispatch moe_dispatch(Run& r, Site site, const Tensor& ids, int n_expert) {
  MoeDispatchParams p{};
  p.ids = ids.arg();
  p.n_tok = ids.dim(0);
  p.n_act = ids.dim(1);
  p.n_expert = n_expert;
  const int n_row = p.n_tok * p.n_act;
  const Dispatch d{r.out(DType::i32, {n_expert + 1}, site + ".offset"), r.out(DType::i32, {n_row}, site + ".row_tok"),
                   r.out(DType::i32, {n_row}, site + ".row_slot"), r.out(DType::i32, {n_row}, site + ".row_expert"),
                   r.out(DType::i32, ids.shape, site + ".slot_row")};
  p.offset = d.offset.arg();
  p.row_tok = d.row_tok.arg();
  p.row_slot = d.row_slot.arg();
  p.row_expert = d.row_expert.arg();
  p.slot_row = d.slot_row.arg();
  r.launch(site, "moe_dispatch", p,
           {{"offset", d.offset}, {"row_tok", d.row_tok}, {"row_slot", d.row_slot}, {"row_expert", d.row_expert}, {"slot_row", d.slot_row}});
  return d;
}

Nvfp4 act_quant_nvfp4(Run& r, Site site, const Tensor& x, const Tensor& src_row, const Tensor& row_expert, const Tensor& global) {
  ActQuantNvfp4Params p{};
  p.x = x.arg();
  p.src_row = src_row.arg();
  p.row_expert = row_expert.arg();
  p.global = global.arg();
  p.n_src = x.dim(0);
  p.K = x.dim(1);
  p.n_row = row_expert.dim(0);
  p.n_expert = global.dim(0);
  const Nvfp4 o{r.out(DType::e2m1, {p.n_row, p.K}, site + ".q"), r.out(DType::e4m3, {p.n_row, (p.K + 15) / 16}, site + ".s")};
  p.q = o.q.arg();
  p.s = o.s.arg();
  r.launch(site, "act_quant_nvfp4", p, {{"q", o.q}, {"s", o.s}});
  return o;
}

Tensor expert_linear_mxfp4(Run& r, Site site, const Fp8& a, const Tensor& src_row, const Tensor& offset, const Tensor& expert_slot,
                           const ExpertStack& w, int n_row) {
  ExpertLinearMxfp4Params p{};
  p.a = a.q.arg();
  p.a_s = a.s.arg();
  p.src_row = src_row.arg();
  p.offset = offset.arg();
  p.expert_slot = expert_slot.arg();
  p.w = w.w.arg();
  p.w_s = w.w_s.arg();
  p.n_src = a.q.dim(0);
  p.n_row = n_row;
  p.n_expert = expert_slot.dim(0);
  p.n_slot = w.w.dim(0);
  p.N = w.w.dim(1);
  p.K = w.w.dim(2);
  const Tensor y = r.out(DType::bf16, {n_row, p.N}, site);
  p.y = y.arg();
  r.launch(site, "expert_linear_mxfp4", p, {{"y", y}});
  return y;
}

Tensor expert_linear_nvfp4(Run& r, Site site, const Nvfp4& a, const Tensor& offset, const Tensor& expert_slot, const ExpertStack& w) {
  ExpertLinearNvfp4Params p{};
  p.a = a.q.arg();
  p.a_s = a.s.arg();
  p.a_global = w.a_global.arg();
  p.offset = offset.arg();
  p.expert_slot = expert_slot.arg();
  p.w = w.w.arg();
  p.w_s = w.w_s.arg();
  p.w_global = w.w_global.arg();
  p.n_row = a.q.dim(0);
  p.n_expert = expert_slot.dim(0);
  p.n_slot = w.w.dim(0);
  p.N = w.w.dim(1);
  p.K = w.w.dim(2);
  const Tensor y = r.out(DType::bf16, {p.n_row, p.N}, site);
  p.y = y.arg();
  r.launch(site, "expert_linear_nvfp4", p, {{"y", y}});
  return y;
}

Tensor swiglu(Run& r, Site site, const Tensor& g, const Tensor& u, const Tensor& row_slot, const Tensor& weight, float limit) {
  SwigluParams p{};
  p.g = g.arg();
  p.u = u.arg();
  p.row_slot = row_slot.arg();
  p.weight = weight.arg();
  p.n_row = g.dim(0);
  p.d_ff = g.dim(1);
  p.n_slot = weight ? int(weight.numel()) : 0;
  p.limit = limit;
  const Tensor y = r.out(DType::bf16, g.shape, site);
  p.y = y.arg();
  r.launch(site, "swiglu", p, {{"y", y}});
  return y;
}

Tensor moe_combine(Run& r, Site site, const Tensor& routed, const Tensor& slot_row, const Tensor& shared) {
  MoeCombineParams p{};
  p.routed = routed.arg();
  p.slot_row = slot_row.arg();
  p.shared = shared.arg();
  p.n_row = routed.dim(0);
  p.n_tok = slot_row.dim(0);
  p.n_act = slot_row.dim(1);
  p.d_model = shared.dim(1);
  const Tensor z = r.out(DType::bf16, shared.shape, site);
  p.z = z.arg();
  r.launch(site, "moe_combine", p, {{"z", z}});
  return z;
}

}  // namespace engine
