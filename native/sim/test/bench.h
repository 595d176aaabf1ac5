// What the benchmarks of sim_bench share.
#pragma once
#include <ctime>
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
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
}

struct Timed {
  LaunchResult launch;
  double used;  // processor seconds
};
// The launch that took least of b.repeat, short ones for a while: what comes on top is the machine's other work.
template <class LAUNCH>
Timed fastest(const Bench& b, LAUNCH launch_once) {
  constexpr double A_WHILE = 0.05;
  Timed best{};
  const double begin = processor_seconds();
  for (int k = 0; k < b.repeat || processor_seconds() - begin < A_WHILE; ++k) {
    const double before = processor_seconds();
    const LaunchResult r = launch_once();
    const double used = processor_seconds() - before;
    if (k == 0 || used < best.used) best = {r, used};
  }
  return best;
}

// The line of a figure: `work` in billions of `unit`.
template <class LAUNCH>
void report_rate(const Bench& b, const char* name, double work, const char* unit, LAUNCH launch_once) {
  const Timed t = fastest(b, launch_once);
  std::printf("%-24s %9.3f ms  %6.2f %s, %6.2f a core\n", name, 1e3 * t.launch.seconds, work / t.launch.seconds, unit, work / t.used);
}

// The same of a launch's thread-instructions.
template <class LAUNCH>
void report_instructions(const Bench& b, const char* name, LAUNCH launch_once) {
  const Timed t = fastest(b, launch_once);
  const LaunchResult& r = t.launch;
  std::printf("%-24s %9.3f ms  %6.2f G thread-instr/s, %6.2f a core  %6.2f ns a warp-instr on a core\n", name, 1e3 * r.seconds,
              double(r.thread_instructions) / r.seconds / 1e9, double(r.thread_instructions) / t.used / 1e9,
              1e9 * t.used / double(r.warp_instructions));
}

}  // namespace sim::testing
