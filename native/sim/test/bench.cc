// Thread-instructions a second of converged code: sim_bench [threads a CTA]
#include <cstdio>

#include "gpu.h"

using namespace sim;
using namespace sim::testing;

int main() {
  auto m = kernels("norm");
  const int d = 4096, rows = 256;
  Array<float> x(std::vector<float>(d * rows, 1.5f)), w(std::vector<float>(d, 2.0f)), y(d * rows);
  auto report = [](const char* name, const LaunchResult& r) {
    std::printf("%-28s %8.3f ms  %6.2f G thread-instr/s  %7.1f ns a 1000 warp-instr\n", name, 1e3 * r.seconds,
                double(r.thread_instructions) / r.seconds / 1e9, 1e12 * r.seconds / double(r.warp_instructions));
  };
  for (bool check : {true, false}) {
    LaunchConfig c;
    c.check_uninitialised = check;
    std::printf("%s\n", check ? "uninitialised reads checked" : "not checked");
    for (uint32_t grid : {1u, 256u}) {
      c.grid = {grid, 1, 1}, c.block = {256, 1, 1};
      std::string suffix = grid == 1 ? " (1 CTA)" : " (256 CTAs)";
      for (int k = 0; k < 2; ++k) {
        auto a = launch(*m, *m->entry("fma_chain"), c, params(y.at, grid == 1 ? 20000 : 2000, 0.99f, 0.5f));
        if (k) report(("fma_chain" + suffix).c_str(), a);
        auto r = launch(*m, *m->entry("rmsnorm"), c, params(x.at, w.at, y.at, d, 1e-6f));
        if (k) report(("rmsnorm" + suffix).c_str(), r);
        auto v = launch(*m, *m->entry("rmsnorm_v4"), c, params(x.at, w.at, y.at, d / 4, 1e-6f));
        if (k) report(("rmsnorm_v4" + suffix).c_str(), v);
      }
    }
  }
}
