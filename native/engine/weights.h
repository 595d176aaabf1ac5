// Parameters on the device in the checkpoint's own bytes, uploaded when first asked for. Two conversions: int64 tables become int32, and
// the experts of a projection are stacked.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "checkpoint.h"
#include "ops.h"

namespace engine {

class Weights {
 public:
  Weights(device::Device& dev, const Checkpoint& ckpt) : dev_(dev), ckpt_(ckpt) {}

  const Checkpoint& checkpoint() const { return ckpt_; }
  // By official name; throws when the checkpoint leaves it out.
  const Tensor& get(const std::string& name);
  // `<name>.weight` and `<name>.scale`.
  Fp8 fp8(const std::string& name);
  // Experts `used` of block `block`, in that order; all must be in the checkpoint.
  const ExpertStack& experts(int block, const char* proj, const std::vector<int>& used);

  // Holds the guards against what they were and frees everything whose name starts with `prefix`; sentences about damage.
  std::vector<std::string> release(const std::string& prefix);

 private:
  Tensor upload(DType t, Shape shape, const void* data, const std::string& name);
  Tensor convert(const std::string& name, const Entry& e);

  device::Device& dev_;
  const Checkpoint& ckpt_;
  std::map<std::string, Tensor> tensors_;
  std::map<std::string, ExpertStack> stacks_;
};

}  // namespace engine
