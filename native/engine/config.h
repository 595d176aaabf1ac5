// The model's numbers, from the config.json of a checkpoint (DeepSeek's own keys).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace engine {

// swa: window only. csa: also an overlapping compressor and an indexer that selects. hca: also a plain compressor, every entry.
enum class Attention { swa, csa, hca };

struct LayerKind {
  Attention attention = Attention::swa;
  int ratio = 0;
  bool hash = false;
};

struct Yarn {
  double factor, original, beta_fast, beta_slow;
};

struct Config {
  int d_model, n_layer, n_mtp;
  std::vector<LayerKind> layers;  // one a layer, then one an MTP block
  int n_head, head_dim, rope_dim, q_lora, n_group, o_lora, window;
  int index_n_head, index_dim, index_topk;
  int n_expert, n_act, d_ff;
  double route_scale, swiglu_limit;
  int hc, hc_iters;
  double hc_eps, eps;
  double rope_theta, compress_rope_theta;
  Yarn yarn;  // of layers with a compressor
  int vocab;
  bool nvfp4;  // routed experts of the layers (MTP experts stay MXFP4)

  int n_block() const { return n_layer + n_mtp; }
  // "layers.12." or "mtp.0."
  std::string prefix(int block) const;
};

// Throws one sentence with the key, what was expected and what came.
Config load_config(const std::string& path);

// RoPE frequencies of a layer, computed in double and rounded once: theta^(-2i / rope_dim), with YaRN's ramp where there is a
// compressor (Su et al. 2021; Peng et al. 2023).
std::vector<float> rope_frequencies(const Config& c, const LayerKind& kind);

}  // namespace engine
