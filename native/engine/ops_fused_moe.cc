// Fusions of the mixture of experts.
#include "gate_dispatch.h"
#include "gate_hash_dispatch.h"
#include "ops.h"

namespace engine {
namespace {

// What both gates give, and its launch.
template <class Params>
Routing route(Run& r, const char* op, Site gate, Site dispatch, Params& p, int n_expert, int n_act, float route_scale) {
  p.n_expert = n_expert;
  p.n_act = n_act;
  p.route_scale = route_scale;
  const int n_row = p.n_tok * n_act;
  const Shape slots{p.n_tok, n_act};
  const Gate g{r.out(DType::i32, slots, gate + ".ids"), r.out(DType::f32, slots, gate + ".weights")};
  const Dispatch d{r.out(DType::i32, {n_expert + 1}, dispatch + ".offset"), r.out(DType::i32, {n_row}, dispatch + ".row_tok"),
                   r.out(DType::i32, {n_row}, dispatch + ".row_slot"), r.out(DType::i32, {n_row}, dispatch + ".row_expert"),
                   r.out(DType::i32, slots, dispatch + ".slot_row")};
  p.ids = g.ids.arg();
  p.weights = g.weights.arg();
  p.offset = d.offset.arg();
  p.row_tok = d.row_tok.arg();
  p.row_slot = d.row_slot.arg();
  p.row_expert = d.row_expert.arg();
  p.slot_row = d.slot_row.arg();
  r.launch_fused(gate, op, p,
                 {{gate + ".ids", g.ids},
                  {gate + ".weights", g.weights},
                  {dispatch + ".offset", d.offset},
                  {dispatch + ".row_tok", d.row_tok},
                  {dispatch + ".row_slot", d.row_slot},
                  {dispatch + ".row_expert", d.row_expert},
                  {dispatch + ".slot_row", d.slot_row}});
  return {g, d};
}

}  // namespace

Routing gate_dispatch(Run& r, Site gate, Site dispatch, const Tensor& logits, const Tensor& bias, int n_act, float route_scale) {
  GateDispatchParams p{};
  p.logits = logits.arg();
  p.bias = bias.arg();
  p.n_tok = logits.dim(0);
  return route(r, "gate_dispatch", gate, dispatch, p, logits.dim(1), n_act, route_scale);
}

Routing gate_hash_dispatch(Run& r, Site gate, Site dispatch, const Tensor& logits, const Tensor& tok, const Tensor& tid2eid,
                           float route_scale) {
  GateHashDispatchParams p{};
  p.logits = logits.arg();
  p.tok = tok.arg();
  p.tid2eid = tid2eid.arg();
  p.n_tok = logits.dim(0);
  p.vocab = tid2eid.dim(0);
  return route(r, "gate_hash_dispatch", gate, dispatch, p, logits.dim(1), tid2eid.dim(1), route_scale);
}

}  // namespace engine
