// One typed function an op: fills the generated parameter struct, sizes the outputs, launches. Names and arguments are those of
// kernels/<family>/<op>.op.ts; `site` is the full dotted name of the call.
#pragma once
#include "run.h"

namespace engine {

using Site = const std::string&;

// head, mtp, sample
Tensor embed(Run& r, Site site, const Tensor& tok, const Tensor& table, int hc);
Tensor mtp_fuse(Run& r, Site site, const Tensor& e, const Tensor& h);
struct Sampling {
  float temperature = 0, top_p = 1;
  int32_t seed = 0;
};
Tensor sample(Run& r, Site site, const Tensor& logits, const Tensor& pos, const Sampling& s);

// mhc
Tensor hc_mix(Run& r, Site site, const Tensor& x, const Tensor& fn, float eps);
struct HcSplit {
  Tensor pre, post, comb;
};
HcSplit hc_split(Run& r, Site site, const Tensor& mix, const Tensor& scale, const Tensor& base, int hc, float eps, int iters);
Tensor hc_head_split(Run& r, Site site, const Tensor& mix, const Tensor& scale, const Tensor& base, float eps);
Tensor hc_collapse(Run& r, Site site, const Tensor& pre, const Tensor& x);
Tensor hc_post(Run& r, Site site, const Tensor& z, const Tensor& x, const Tensor& post, const Tensor& comb);

// norm, rope, linear, quant
Tensor rmsnorm(Run& r, Site site, const Tensor& x, const Tensor& w, float eps);
Tensor rope(Run& r, Site site, const Tensor& x, const Tensor& pos, const Tensor& freq, bool inverse);
Tensor q_norm_rope(Run& r, Site site, const Tensor& q, const Tensor& pos, const Tensor& freq, float eps);
Tensor linear_f32(Run& r, Site site, const Tensor& a, const Tensor& w);
Tensor linear_bf16(Run& r, Site site, const Tensor& a, const Tensor& w);
struct Fp8 {
  Tensor q, s;  // e4m3 [M, K], ue8m0 [M, K / 128]
};
constexpr int kQuantBlock = 128;
constexpr float kQuantFloor = 1e-4f;
Fp8 fp8_out(Run& r, Site site, int64_t rows, int64_t width);
Fp8 act_quant_fp8(Run& r, Site site, const Tensor& x);
Tensor linear_fp8(Run& r, Site site, const Fp8& a, const Fp8& w);
Tensor grouped_linear_fp8w(Run& r, Site site, const Tensor& a, const Fp8& w);
Tensor kv_fp8_sim(Run& r, Site site, const Tensor& x, int n_nope, int block);
struct Mxfp4 {
  Tensor q, s;  // e2m1 [n_row, width], ue8m0 [n_row, width / 32]
};
Mxfp4 mxfp4_out(Run& r, Site site, int64_t rows, int64_t width);
Mxfp4 act_quant_mxfp4(Run& r, Site site, const Tensor& x);

// fused (ops_fused.cc): sites are those of the ops that they stand for, in order
Fp8 norm_quant(Run& r, Site norm, Site quant, const Tensor& x, const Tensor& w, float eps);

// fused linears (ops_projections.cc)
struct Two {
  Tensor y0, y1;
};
Two linear_fp8_pair(Run& r, Site site0, Site site1, const Fp8& a, const Fp8& w0, const Fp8& w1);
// What attention makes of its normed input; what a layer's kind does not have is absent.
struct Projections {
  Tensor q_a, kv_a, kv, gate, index_kv, index_gate, index_weights;
};
struct Linear {
  std::string site;
  Tensor w, w_s;  // scales of FP8 only
};
struct HcaLinears {
  Linear q_a, kv_a, kv, gate;
};
struct CsaLinears : HcaLinears {
  Linear index_kv, index_gate, index_weights;
  bool selects;  // the indexer has keys: its weights are of use, and tapped
};
Projections project_y(Run& r, const Tensor& y, const Fp8& y8, const HcaLinears& w);
Projections project_y(Run& r, const Tensor& y, const Fp8& y8, const CsaLinears& w);
// `a` [M, n_group, K]; u [M, n_group * N] under the site of the linear, its codes under that of the quantiser.
Fp8 o_a_quant(Run& r, Site linear, Site quant, const Tensor& a, const Fp8& w);

// fused (ops_fused_streams.cc): what lies between two sublayers
// What a sublayer takes of the streams, and what puts its output back.
struct SublayerInput {
  Tensor y;           // bf16 [n_tok, d_model], normed
  Fp8 y8;             // codes of y; absent where its readers make them
  Tensor post, comb;  // f32 [n_tok, hc], [n_tok, hc, hc]
};
// Parameters of the ops before a sublayer, and their sites.
struct SublayerStart {
  Tensor fn, scale, base, w;
  float eps = 0, hc_eps = 0;
  int iters = 0;
  std::string hc, norm;
  std::vector<std::string> quant;  // y is quantised once for all of them
};
// A block's end: rows of the routed experts, where each token's are, and the shared expert.
struct ExpertOutputs {
  Tensor routed, slot_row, shared;
};
struct StreamsThenInput {
  Tensor streams;
  SublayerInput in;
};
// The shapes that the fusions of this file take.
bool streams_fuse(const Run& r, int hc, int d_model);
SublayerInput hc_pre_norm(Run& r, const SublayerStart& s, const Tensor& x);
StreamsThenInput hc_post_norm(Run& r, Site post, const Tensor& z, const Tensor& x, const SublayerInput& from, const SublayerStart& s);
StreamsThenInput combine_post_norm(Run& r, Site out, Site post, const ExpertOutputs& e, const Tensor& x, const SublayerInput& from,
                                   const SublayerStart& s);
Tensor combine_post(Run& r, Site out, Site post, const ExpertOutputs& e, const Tensor& x, const SublayerInput& from);
Tensor hc_head_norm(Run& r, Site hc, Site norm, const Tensor& x, const Tensor& fn, const Tensor& scale, const Tensor& base, const Tensor& w,
                    float eps, float hc_eps);

// compress, index, attention
struct Pool {
  int n_entry, ratio, n_coff, width;
};
Tensor compress_pool(Run& r, Site site, const Tensor& kv, const Tensor& gate, const Tensor& ape, const Pool& p);
Tensor hadamard(Run& r, Site site, const Tensor& x);
// `q` holds n_head rows a token; `w` [n_tok, n_head].
Tensor index_scores(Run& r, Site site, const Mxfp4& q, const Mxfp4& k, const Tensor& w, float scale);
Tensor index_topk(Run& r, Site site, const Tensor& s, const Tensor& pos, int topk, int ratio);
struct Keys {
  int n_comp, window, ratio, n_raw, n_entry;
};
Tensor key_list(Run& r, Site site, const Tensor& pos, const Tensor& comp, const Keys& k);
Tensor sparse_attention(Run& r, Site site, const Tensor& q, const Tensor& kv, const Tensor& idx, const Tensor& sink, float scale);

// fused, of attention (ops_attention_fused.cc): sites as above
Tensor topk_keys(Run& r, Site topk, Site keys, const Tensor& s, const Tensor& pos, const Keys& k);
struct ChoiceSites {
  std::string scores, topk, keys;
};
// As many entries as score_keys takes.
bool scores_fuse(const Run& r, int n_entry);
Tensor score_keys(Run& r, const ChoiceSites& site, const Mxfp4& q, const Mxfp4& entries, const Tensor& w, float scale, const Tensor& pos,
                  const Keys& k);
struct IndexSites {
  std::string turned, had, q;
};
struct QueryHeads {
  Tensor q;     // bf16 [n_tok, n_head, head_dim]
  Mxfp4 index;  // n_head rows a token, absent without an indexer
};
QueryHeads query_heads(Run& r, Site q, const IndexSites& index, const Tensor& q_b, const Tensor& index_b, const Tensor& pos,
                       const Tensor& freq, float eps);
// Keys and values in the pages of the packed FP8 format (kernels/quant/kv_insert.op.ts).
struct PackedCache {
  static constexpr int kPageSize = 64, kChannels = 512, kTurned = 64;
  static constexpr int64_t kPageBytes = (kPageSize * 584 + 575) / 576 * 576;
  Tensor pages;  // u8 [n_page, kPageBytes]
};
Tensor paged_attention_derope(Run& r, Site core, Site derope, const Tensor& q, const PackedCache& pool, const Tensor& idx,
                              const Tensor& sink, const Tensor& pos, const Tensor& freq, float scale);

// moe
struct Gate {
  Tensor ids, weights;
};
Gate gate_hash(Run& r, Site site, const Tensor& logits, const Tensor& tok, const Tensor& tid2eid, float route_scale);
Gate gate_topk(Run& r, Site site, const Tensor& logits, const Tensor& bias, int n_act, float route_scale);
struct Dispatch {
  Tensor offset, row_tok, row_slot, row_expert, slot_row;
};
Dispatch moe_dispatch(Run& r, Site site, const Tensor& ids, int n_expert);
struct Routing {
  Gate gate;
  Dispatch dispatch;
};
struct Nvfp4 {
  Tensor q, s;  // e2m1 [n_row, K], e4m3 [n_row, K / 16]
};
Nvfp4 act_quant_nvfp4(Run& r, Site site, const Tensor& x, const Tensor& src_row, const Tensor& row_expert, const Tensor& global);
struct ExpertStack {
  Tensor w, w_s;    // [n_slot, N, K], and a scale per 32 (mxfp4) or 16 (nvfp4) of K
  Tensor w_global;  // nvfp4: [n_slot]
  Tensor a_global;  // nvfp4: [n_expert], the activation's
};
Tensor expert_linear_mxfp4(Run& r, Site site, const Fp8& a, const Tensor& src_row, const Tensor& offset, const Tensor& expert_slot,
                           const ExpertStack& w, int n_row);
Tensor expert_linear_nvfp4(Run& r, Site site, const Nvfp4& a, const Tensor& offset, const Tensor& expert_slot, const ExpertStack& w);
Tensor swiglu(Run& r, Site site, const Tensor& g, const Tensor& u, const Tensor& row_slot, const Tensor& weight, float limit);
Tensor moe_combine(Run& r, Site site, const Tensor& routed, const Tensor& slot_row, const Tensor& shared);

// moe, fused (ops_fused_moe.cc)
struct RouterSites {
  std::string logits, gate, dispatch;
};
Routing router_dispatch(Run& r, const RouterSites& site, const Tensor& y, const Tensor& w, const Tensor& bias, int n_act,
                        float route_scale);
Routing router_hash_dispatch(Run& r, const RouterSites& site, const Tensor& y, const Tensor& w, const Tensor& tok, const Tensor& tid2eid,
                             float route_scale);
// The first half of an expert, up to the quantised activations.
struct UpSites {
  std::string w1, w3, act, quant;
};
struct UpRows {
  Tensor offset, expert_slot, row_slot, weight;
};
constexpr int kUpBlock = 128;  // channels that the kernels finish at once: the width is a multiple
Fp8 expert_up_mxfp4(Run& r, const UpSites& site, const Fp8& a, const Tensor& src_row, const UpRows& rows, const ExpertStack& w1,
                    const ExpertStack& w3, float limit);
Nvfp4 expert_up_nvfp4(Run& r, const UpSites& site, const Nvfp4& a, const UpRows& rows, const Tensor& row_expert, const ExpertStack& w1,
                      const ExpertStack& w3, const Tensor& act_global, float limit);
Fp8 shared_up(Run& r, const UpSites& site, const Fp8& a, const Fp8& w1, const Fp8& w3, float limit);

}  // namespace engine
