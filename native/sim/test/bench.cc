// Thread-instructions a second of converged code: sim_bench [kernel [repetitions]]
#include <sys/resource.h>

#include <cstdio>

#include "gpu.h"

using namespace sim;
using namespace sim::testing;

int main(int argc, char** argv) {
  int repeat = argc > 2 ? std::atoi(argv[2]) : 2;
  auto wanted = [&](const char* name) { return argc < 2 || !std::strcmp(argv[1], name); };
  auto m = kernels("norm");
  const int d = 4096, rows = 256;
  Array<float> x(std::vector<float>(d * rows, 1.5f)), w(std::vector<float>(d, 2.0f)), y(d * rows);
  double busy = 0;
  auto cpu = [] {
    rusage u;
    getrusage(RUSAGE_SELF, &u);
    return double(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           1e-6 * double(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
  };
  // The rate a core is over processor time, so that a busy machine does not change it much.
  auto report = [&](const char* name, const LaunchResult& r) {
    double used = cpu() - busy;
    std::printf("%-24s %9.3f ms  %6.2f G thread-instr/s, %6.2f a core  %6.2f ns a warp-instr on a core\n",
                name, 1e3 * r.seconds, double(r.thread_instructions) / r.seconds / 1e9,
                double(r.thread_instructions) / used / 1e9, 1e9 * used / double(r.warp_instructions));
  };
  for (bool check : {true, false}) {
    LaunchConfig c;
    c.check_uninitialised = check;
    std::printf("%s\n", check ? "uninitialised reads checked" : "not checked");
    for (uint32_t grid : {1u, 256u}) {
      c.grid = {grid, 1, 1}, c.block = {256, 1, 1};
      std::string suffix = grid == 1 ? " (1 CTA)" : " (256 CTAs)";
      for (int k = 0; k < repeat; ++k) {
        if (wanted("fma_chain")) {
          busy = cpu();
          auto a =
              launch(*m, *m->entry("fma_chain"), c, params(y.at, grid == 1 ? 200000 : 2000, 0.99f, 0.5f));
          if (k == repeat - 1) report(("fma_chain" + suffix).c_str(), a);
        }
        if (wanted("rmsnorm")) {
          busy = cpu();
          auto r = launch(*m, *m->entry("rmsnorm"), c, params(x.at, w.at, y.at, d, 1e-6f));
          if (k == repeat - 1) report(("rmsnorm" + suffix).c_str(), r);
        }
        if (wanted("rmsnorm_v4")) {
          busy = cpu();
          auto v = launch(*m, *m->entry("rmsnorm_v4"), c, params(x.at, w.at, y.at, d / 4, 1e-6f));
          if (k == repeat - 1) report(("rmsnorm_v4" + suffix).c_str(), v);
        }
      }
    }
  }
}
