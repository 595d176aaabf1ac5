// The model as a composition of ops: DeepSeek-V4 inference/model.py (Block, Attention, Compressor, Indexer, MoE, MTPBlock), for a prompt
// that starts at position 0. Sites and their order are those of oracle/model.ts, written independently.
#pragma once
#include <string>

#include "config.h"
#include "ops.h"
#include "weights.h"

namespace engine {

// What every part of one block needs.
struct BlockContext {
  Run& run;
  Weights& weights;
  const Config& config;
  int index;           // block number; n_layer and above are MTP blocks
  std::string prefix;  // of parameter names and of taps
  Tensor ids;          // i32 [n_tok], on the device
  Tensor pos;          // i32 [n_tok]: 0, 1, 2 ...
  Tensor freq;         // f32 [rope_dim / 2] of this block's kind

  const LayerKind& kind() const { return config.layers[size_t(index)]; }
  int n_tok() const { return ids.rows(); }
  std::string site(const std::string& s) const { return prefix + s; }
  const Tensor& weight(const std::string& name) const { return weights.get(prefix + name); }

  Fp8 quantise(const std::string& s, const Tensor& x) const { return act_quant_fp8(run, site(s), x); }
  // FP8 x FP8 with the checkpoint's <name>.weight and <name>.scale
  Tensor linear(const std::string& s, const Fp8& x, const std::string& name) const {
    return linear_fp8(run, site(s), x, weights.fp8(prefix + name));
  }
  Tensor norm(const std::string& s, const Tensor& x, const std::string& name) const {
    return rmsnorm(run, site(s), x, weight(name), float(config.eps));
  }
  Fp8 norm_quantise(const std::string& norm_site, const std::string& quant_site, const Tensor& x, const std::string& name) const {
    if (!run.fused()) return quantise(quant_site, norm(norm_site, x, name));
    return norm_quant(run, site(norm_site), site(quant_site), x, weight(name), float(config.eps));
  }
  // Codes of a sublayer's input, made here where they did not come with it.
  Fp8 codes(const std::string& s, const SublayerInput& in) const { return in.y8.q ? in.y8 : quantise(s, in.y); }
};

// Linears of attention (projections.cc). Those of the indexer's query are absent where it has no keys.
Projections project_input(const BlockContext& b, const Tensor& y, const Fp8& y8);
struct Queries {
  Tensor q_b, index_q_b;
};
Queries project_queries(const BlockContext& b, const Fp8& qr);
Fp8 project_output(const BlockContext& b, const Tensor& o);  // bf16 [n_tok, n_group, channels]

Tensor attention(const BlockContext& b, const SublayerInput& in);  // -> [n_tok, d_model]
ExpertOutputs moe(const BlockContext& b, const SublayerInput& in);

// Streams [n_tok, hc, d_model] that enter a block, and the input of its attention where the block before has made it: a launch spans both.
struct BlockInput {
  Tensor x;
  SublayerInput attn;  // absent: `y` is
};
// `next`: prefix of the block that follows in the run; empty when none does.
BlockInput block(const BlockContext& b, const BlockInput& in, const std::string& next);

// Streams -> logits f32 [n_tok, vocab]. `prefix` is "" or that of an MTP block, which has its own collapse and norm.
Tensor head(Run& run, Weights& w, const Config& c, const std::string& prefix, const Tensor& x);
// MTP: the main model's last streams and the following tokens -> the streams that enter block `b`.
Tensor mtp_input(const BlockContext& b, const Tensor& x);

}  // namespace engine
