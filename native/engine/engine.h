// A checkpoint on a device: runs ranges of blocks over a prompt, with every intermediate tensor tapped.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "block.h"

namespace engine {

constexpr int kMaxTokens = 512;

struct Request {
  int lo = 0, hi = 0;                    // blocks lo .. hi
  std::vector<int32_t> ids;              // the prompt, from position 0
  const uint8_t* x = nullptr;            // bf16 streams [n_tok, hc, d_model] that enter block lo; absent: embed makes them
  size_t x_bytes = 0;
  bool taps = true;
  bool head = false;                     // after the last layer: logits
  std::optional<Sampling> sampling;
  std::vector<int32_t> mtp_ids;          // after the last layer: MTP block 0 with these following tokens, and its head
  uint64_t poison_seed = 0;
  std::function<void(Tap&&)> on_tap;
  std::function<void(const std::string& site, const char* op)> on_launch;  // with taps
  std::function<void(int)> on_block;     // after each block
};

struct Result {
  std::vector<uint8_t> x, logits, sampled;
  std::vector<std::string> damage;
};

class Engine {
 public:
  // Throws one sentence when the checkpoint is not what its config promises. `keep`: blocks stay on the device between runs.
  Engine(device::Device& dev, const std::string& dir, bool keep);

  const Config& config() const { return ckpt_.config(); }
  Result run(const Request& q);

 private:
  void check(const Request& q) const;
  BlockInput run_block(Run& run, int i, const Tensor& ids, BlockInput in, const std::string& next);
  void drop(Run& run, const std::string& prefix);

  std::shared_ptr<device::Device> dev_;
  Checkpoint ckpt_;
  Weights weights_;
  bool keep_;
  std::vector<std::string> damage_;
};

}  // namespace engine
