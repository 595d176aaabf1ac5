// One op by name, outside the model: fills the parameter struct from the generated field table, launches, and watches what was written.
#pragma once
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "native/device/op_launch.h"
#include "values.h"

namespace addon {

struct OpOutput {
  const OpField* field;
  size_t bytes;
  View before;  // of an output that is updated in place
};

struct OpRequest {
  const OpRow* row = nullptr;
  std::vector<std::pair<const OpField*, View>> inputs;  // an absent optional input is not here
  std::vector<OpOutput> outputs;
  std::vector<const OpField*> counters;
  std::vector<uint8_t> params;  // scalars filled in
  std::string module, entry;    // "" = the registered kernel
  std::string variant;          // "" = the device's own
  int repeat = 1;
  uint64_t seed = 0;
  bool guards = false;
};

struct OpResult {
  std::vector<std::vector<uint8_t>> outputs;  // in the request's order
  std::vector<size_t> unwritten;
  std::vector<float> elapsed_ms;
  std::vector<std::string> damage;
  std::vector<std::pair<std::string, uint64_t>> counters;
  std::string profiles = "[]";  // JSON, an entry a launch
  bool repeatable = true;
  device::OpLaunch launch;
};

OpResult run_op_on(device::Device& dev, OpRequest& r);

// Bytes in one stored element: what is written at once, so what is unwritten at once.
size_t element_bytes(const std::string& dtype);

}  // namespace addon
