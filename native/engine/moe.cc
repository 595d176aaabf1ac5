// Mixture of experts of one block: gate, dispatch, routed experts in either FP4 format, shared expert.
#include <algorithm>

#include "block.h"
#include "native/device/error.h"

namespace engine {
namespace {

struct Routed {
  Dispatch d;
  Tensor weights;      // f32 [n_tok * n_act]
  Tensor expert_slot;  // i32 [n_expert], -1: not resident
  std::vector<int> used;
  int n_row = 0;
};

UpRows up_rows(const Routed& r) { return {r.d.offset, r.expert_slot, r.d.row_slot, r.weights}; }

// Tokens that the last cluster of a router chooses for at once: eight CTAs of eight warps. Of 384 experts a choice takes a warp 1400
// instructions, so these issue for 1.5 us there, no more than the two launches cost that they save. More, of a prompt, are chosen for by a
// CTA each, on all multiprocessors, before one CTA sorts them.
constexpr int kMostRoutedAtOnce = 64;

Routing route(const BlockContext& b, const Tensor& y) {
  const Config& c = b.config;
  const bool hash = b.kind().hash, at_once = b.run.fused() && b.n_tok() <= kMostRoutedAtOnce;
  const Tensor &w = b.weight("ffn.gate.weight"), &by = b.weight(hash ? "ffn.gate.tid2eid" : "ffn.gate.bias");
  const float scale = float(c.route_scale);
  const RouterSites site{b.site("ffn.gate.logits"), b.site("ffn.gate"), b.site("ffn.dispatch")};
  if (at_once)
    return hash ? router_hash_dispatch(b.run, site, y, w, b.ids, by, scale) : router_dispatch(b.run, site, y, w, by, c.n_act, scale);
  const Tensor logits = linear_f32(b.run, site.logits, y, w);
  const Gate g = hash ? gate_hash(b.run, site.gate, logits, b.ids, by, scale) : gate_topk(b.run, site.gate, logits, by, c.n_act, scale);
  return {g, moe_dispatch(b.run, site.dispatch, g.ids, c.n_expert)};
}

// Experts that some token chose, ascending. Throws when the gate or the checkpoint does not have one of them.
std::vector<int> used_experts(const BlockContext& b, const Tensor& ids) {
  std::vector<int32_t> chosen(static_cast<size_t>(ids.numel()));
  ids.buffer->download(chosen.data());
  const auto& have = b.weights.checkpoint().experts(b.index);
  std::vector<bool> seen(size_t(b.config.n_expert));
  std::string missing, sentence;
  for (size_t i = 0; i < chosen.size(); ++i) {
    const int e = chosen[i];
    const size_t token = i / size_t(b.config.n_act);
    if (e < 0 || e >= b.config.n_expert)
      device::fail(b.prefix, "ffn.gate: expected expert ids in 0..", b.config.n_expert - 1, ", got ", e, " for token ", token);
    if (!seen[size_t(e)] && !std::binary_search(have.begin(), have.end(), e)) {
      if (missing.empty())
        sentence = device::sentence(b.prefix, "ffn.experts: expected expert ", e, ", which token ", token, " is routed to, got a checkpoint with ",
                                    have.size(), " of ", b.config.n_expert, " experts and not this one");
      missing += (missing.empty() ? "" : ",") + std::to_string(e);
    }
    seen[size_t(e)] = true;
  }
  if (!missing.empty())
    throw device::Error(sentence, device::sentence("{\"layer\":", b.index, ",\"missing_experts\":[", missing, "]}"));
  std::vector<int> used;
  for (int e = 0; e < b.config.n_expert; ++e)
    if (seen[size_t(e)]) used.push_back(e);
  return used;
}

// Whether an expert's first half is one launch.
bool up_is_fused(const BlockContext& b) { return b.run.fused() && b.config.d_ff % kUpBlock == 0; }

UpSites up_sites(const BlockContext& b, const std::string& experts, const char* quant) {
  const auto site = [&](const char* part) { return b.site(experts + part); };
  return {site("w1"), site("w3"), site("act"), site(quant)};
}

const ExpertStack& stack(const BlockContext& b, const Routed& r, const char* proj) { return b.weights.experts(b.index, proj, r.used); }

// Inputs of the experts: y gathered by token, then the activations in place (`src_row` absent).
Tensor project_mxfp4(const BlockContext& b, const Routed& r, const std::string& site, const char* proj, const Fp8& x,
                     const Tensor& src_row) {
  return expert_linear_mxfp4(b.run, b.site(site), x, src_row, r.d.offset, r.expert_slot, stack(b, r, proj), r.n_row);
}

Tensor experts_mxfp4(const BlockContext& b, const Routed& r, const SublayerInput& in, float limit) {
  const Fp8 y8 = b.codes("ffn.y_fp8", in);
  if (up_is_fused(b)) {
    const UpSites sites = up_sites(b, "ffn.experts.", "act_fp8");
    const Fp8 act8 = expert_up_mxfp4(b.run, sites, y8, r.d.row_tok, up_rows(r), stack(b, r, "w1"), stack(b, r, "w3"), limit);
    return project_mxfp4(b, r, "ffn.experts.w2", "w2", act8, {});
  }
  const Tensor g = project_mxfp4(b, r, "ffn.experts.w1", "w1", y8, r.d.row_tok);
  const Tensor u = project_mxfp4(b, r, "ffn.experts.w3", "w3", y8, r.d.row_tok);
  const Tensor act = swiglu(b.run, b.site("ffn.experts.act"), g, u, r.d.row_slot, r.weights, limit);
  const Fp8 act8 = b.quantise("ffn.experts.act_fp8", act);
  return project_mxfp4(b, r, "ffn.experts.w2", "w2", act8, {});
}

Tensor project_nvfp4(const BlockContext& b, const Routed& r, const std::string& site, const char* proj, const Nvfp4& x) {
  return expert_linear_nvfp4(b.run, b.site(site), x, r.d.offset, r.expert_slot, stack(b, r, proj));
}

Tensor experts_nvfp4(const BlockContext& b, const Routed& r, const Tensor& y, float limit) {
  const auto quantise = [&](const char* site, const char* proj, const Tensor& x, const Tensor& src_row) {
    return act_quant_nvfp4(b.run, b.site(site), x, src_row, r.d.row_expert, stack(b, r, proj).a_global);
  };
  // w1 and w3 of an expert share the activation's global scale, so they share its codes
  const Nvfp4 y4 = quantise("ffn.y_nvfp4", "w1", y, r.d.row_tok);
  if (up_is_fused(b)) {
    const UpSites sites = up_sites(b, "ffn.experts.", "act_nvfp4");
    const Nvfp4 act4 = expert_up_nvfp4(b.run, sites, y4, up_rows(r), r.d.row_expert, stack(b, r, "w1"), stack(b, r, "w3"),
                                       stack(b, r, "w2").a_global, limit);
    return project_nvfp4(b, r, "ffn.experts.w2", "w2", act4);
  }
  const Tensor g = project_nvfp4(b, r, "ffn.experts.w1", "w1", y4);
  const Tensor u = project_nvfp4(b, r, "ffn.experts.w3", "w3", y4);
  const Tensor act = swiglu(b.run, b.site("ffn.experts.act"), g, u, r.d.row_slot, r.weights, limit);
  return project_nvfp4(b, r, "ffn.experts.w2", "w2", quantise("ffn.experts.act_nvfp4", "w2", act, {}));
}

Tensor shared_expert(const BlockContext& b, const SublayerInput& in, float limit) {
  const Fp8 y8 = b.codes("ffn.shared.y_fp8", in);
  if (up_is_fused(b)) {
    const auto w = [&](const char* proj) { return b.weights.fp8(b.prefix + "ffn.shared_experts." + proj); };
    const Fp8 act8 = shared_up(b.run, up_sites(b, "ffn.shared.", "act_fp8"), y8, w("w1"), w("w3"), limit);
    return b.linear("ffn.shared.w2", act8, "ffn.shared_experts.w2");
  }
  const Tensor g = b.linear("ffn.shared.w1", y8, "ffn.shared_experts.w1");
  const Tensor u = b.linear("ffn.shared.w3", y8, "ffn.shared_experts.w3");
  const Tensor act = swiglu(b.run, b.site("ffn.shared.act"), g, u, {}, {}, limit);
  return b.linear("ffn.shared.w2", b.quantise("ffn.shared.act_fp8", act), "ffn.shared_experts.w2");
}

}  // namespace

ExpertOutputs moe(const BlockContext& b, const SublayerInput& in) {
  const Config& c = b.config;
  const auto [chosen, rows] = route(b, in.y);
  Routed r;
  r.d = rows;
  r.n_row = int(chosen.ids.numel());
  r.weights = chosen.weights.view({r.n_row});
  r.used = used_experts(b, chosen.ids);
  std::vector<int32_t> slot(size_t(c.n_expert), -1);
  for (size_t i = 0; i < r.used.size(); ++i) slot[size_t(r.used[i])] = int32_t(i);
  r.expert_slot = b.run.upload_i32(slot, b.site("ffn.expert_slot"));

  const float limit = float(c.swiglu_limit);
  const Tensor routed = block_is_nvfp4(c, b.index) ? experts_nvfp4(b, r, in.y, limit) : experts_mxfp4(b, r, in, limit);
  return {routed, r.d.slot_row, shared_expert(b, in, limit)};
}

}  // namespace engine
