// What the benchmarks of sim_bench share.
#pragma once
#include <sys/resource.h>

#include <functional>

#include "gpu.h"

namespace sim::testing {

struct Bench {
  std::function<bool(const char*)> wanted;  // by the name of a figure or of its section
  int repeat;
};
void bench_matrix(const Bench& b);
void bench_copies(const Bench& b);

// Of all threads. A rate over it is the rate a core, which a busy machine does not change much.
inline double processor_seconds() {
  rusage u;
  getrusage(RUSAGE_SELF, &u);
  return double(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + 1e-6 * double(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

// The line of a figure: `work` in billions of `unit`, of the last of b.repeat launches.
template <class LAUNCH>
void report_rate(const Bench& b, const char* name, double work, const char* unit, LAUNCH launch_once) {
  LaunchResult r;
  double used = 0;
  for (int k = 0; k < b.repeat; ++k) {
    const double before = processor_seconds();
    r = launch_once();
    used = processor_seconds() - before;
  }
  std::printf("%-24s %9.3f ms  %6.2f %s, %6.2f a core\n", name, 1e3 * r.seconds, work / r.seconds, unit, work / used);
}

}  // namespace sim::testing
