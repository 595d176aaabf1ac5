// Every tensor that a checkpoint of a configuration must hold, by official name, with its dtype and shape on disk.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "config.h"

namespace engine {

struct Spec {
  std::string name, dtype;
  std::vector<int64_t> shape;
};

// Outside the blocks: embedding, LM head, final norm, stream collapse.
std::vector<Spec> top_specs(const Config& c);
// Block `i` (a layer, or an MTP block after the last) without its routed experts.
std::vector<Spec> block_specs(const Config& c, int i);
// One routed expert of block `i`.
std::vector<Spec> expert_specs(const Config& c, int i, int expert);

// Routed experts of block `i` are NVFP4 (ModelOpt converts the layers and leaves MTP blocks in MXFP4).
inline bool block_is_nvfp4(const Config& c, int i) { return c.nvfp4 && i < c.n_layer; }

}  // namespace engine
