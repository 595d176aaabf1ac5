// One pass through ops on a device: allocates poisoned outputs, launches, and streams every output as a tap under its site's name.
#pragma once
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "native/device/op_launch.h"
#include "tensor.h"

namespace engine {

struct Tap {
  std::string name, site, op, variant, dtype;
  Shape shape;
  std::vector<uint8_t> data;
  size_t unwritten = 0;  // bytes that still held poison
  float elapsed_ms = 0;
};

struct RunOptions {
  bool taps = true;
  uint64_t poison_seed = 0;
  std::function<void(Tap&&)> on_tap;
  // With taps: after each launch, when it is done and before its outputs are tapped.
  std::function<void(const std::string& site, const char* op)> on_launch;
};

class Run {
 public:
  Run(device::Device& dev, RunOptions options) : dev_(dev), o_(std::move(options)) {}

  device::Device& device() { return dev_; }
  // Fusions run in place of the ops that they stand for, except where the portable kernels are asked for one by one.
  bool fused() const { return dev_.variant() != device::kPortable; }

  // A poisoned output, named in errors after the site that is about to run.
  Tensor out(DType t, Shape shape, const std::string& name);
  // What a fusion writes only for whoever watches: an output where taps are taken, else absent.
  Tensor tapped(DType t, Shape shape, const std::string& name) { return o_.taps ? out(t, std::move(shape), name) : Tensor{t, shape, nullptr}; }
  // Host data on the device.
  Tensor upload(DType t, Shape shape, const void* data, const std::string& name);
  Tensor upload_i32(const std::vector<int32_t>& v, const std::string& name);
  // A counter for launches that have one (`counters` of an op's declaration): each finds zero and leaves zero.
  uint32_t* counter();
  // Rows of `a` above those of `b`; `a` when there is no `b`.
  Tensor stack_rows(const Tensor& a, const Tensor& b, const std::string& name);

  struct Output {
    const char* name;
    const Tensor& tensor;
  };
  struct Part {
    std::string tap;  // the name that the op which the part stands for would give it
    const Tensor& tensor;
  };
  // Launches `op` and taps its outputs: named `site` when there is one, else `site.<output>`.
  template <class Params>
  void launch(const std::string& site, const char* op, const Params& p, std::initializer_list<Output> outputs) {
    std::vector<Part> taps;
    for (const Output& o : outputs) taps.push_back({outputs.size() == 1 ? site : site + "." + o.name, o.tensor});
    launch_raw(site, op, &p, taps);
  }

  // Launches a fusion and taps what its parts give; absent tensors are left out.
  template <class Params>
  void launch_fused(const std::string& site, const char* op, const Params& p, const std::vector<Part>& outputs) {
    launch_raw(site, op, &p, outputs);
  }

  // Waits, holds the guards of every buffer made since the last call and the counter against what they were, and lets the buffers go.
  void finish();
  const std::vector<std::string>& damage() const { return damage_; }

 private:
  Tensor make(DType t, Shape shape, const std::string& name);
  void launch_raw(const std::string& site, const char* op, const void* params, const std::vector<Part>& outputs);
  void tap(Tap t, const Part& o);

  device::Device& dev_;
  RunOptions o_;
  uint64_t turn_ = 0;
  std::vector<std::shared_ptr<device::Buffer>> made_;
  std::unique_ptr<device::Buffer> counter_;
  std::vector<std::string> damage_;
};

}  // namespace engine
