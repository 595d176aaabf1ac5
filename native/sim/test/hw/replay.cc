#include "replay.h"

#include <cstdio>
#include <fstream>

#include "native/sim/driver/virtual_driver.h"

namespace hw {

namespace {
const device::Driver& virtual_gpu() {
  static const device::Driver driver = [] {
    const device::Driver d = device::virtual_driver();
    CUcontext ctx;
    d.cuInit(0), d.cuDevicePrimaryCtxRetain(&ctx, 0), d.cuCtxSetCurrent(ctx);
    sim::virtual_options().extra_target = "sm_90a";
    return d;
  }();
  return driver;
}
}  // namespace

int rehearse(const std::string& name) {
  const Chapter c = chapter(name);
  Runner runner(virtual_gpu(), c);
  int bad = 0;
  for (size_t k = 0; k < c.cases.size(); ++k) {
    const Runner::Result r = runner.run(k);
    if (!r.failure.empty()) bad = 1, std::printf("%s: %s: %s\n", name.c_str(), c.cases[k].name.c_str(), r.failure.c_str());
  }
  return bad;
}

std::set<std::string> open_cases(const std::string& path) {
  std::set<std::string> all;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);)
    if (!line.empty() && line[0] != '#') all.insert(line);
  return all;
}

int replay(const std::string& folder, const std::string& name, Totals& totals, bool quiet, const std::set<std::string>& open) {
  const Chapter c = chapter(name);
  const Vectors vectors = read(folder + "/" + name + ".vec");
  Runner runner(virtual_gpu(), c);
  size_t differ = 0;
  for (size_t k = 0; k < c.cases.size(); ++k) {
    const Case& one = c.cases[k];
    ++totals.cases;
    std::string d;
    const auto it = vectors.find(one.name);
    if (it == vectors.end()) {
      d = one.name + ": expected a vector, there is none";
    } else {
      const Runner::Result r = runner.run(k);
      const std::string& hardware = it->second.failure;
      if (hardware.empty() != r.failure.empty())
        d = one.name + ": the GPU " + (hardware.empty() ? "ran" : "answered " + hardware) + ", here " +
            (r.failure.empty() ? "it ran" : r.failure);
      else if (hardware.empty())
        d = difference(one, it->second, r.out);
      totals.lanes += (one.out_bytes + one.out_stride - 1) / one.out_stride;
    }
    if (open.count(name + ": " + one.name)) {
      ++(d.empty() ? totals.mended : totals.open);
      continue;
    }
    if (d.empty()) continue;
    if (totals.first.empty()) totals.first = name + ": " + d;
    ++differ;
    totals.names.push_back(name + ": " + one.name);
    if (!quiet) std::printf("%s: %s\n", name.c_str(), d.c_str());
  }
  totals.differ += differ;
  return differ != 0;
}

}  // namespace hw
