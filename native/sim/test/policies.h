// Launches under every policy of asynchrony: a right kernel's answer depends on none of them.
#pragma once
#include <string>

#include "gpu.h"

namespace sim::testing {

struct Policy {
  std::string name;
  AsyncPolicy async;
  uint64_t seed;
};
inline const std::vector<Policy>& policies() {
  static const std::vector<Policy> all = [] {
    std::vector<Policy> p{{"lazy", AsyncPolicy::lazy, 0}, {"eager", AsyncPolicy::eager, 0}};
    for (uint64_t seed = 1; seed <= 5; ++seed) p.push_back({"random:" + std::to_string(seed), AsyncPolicy::random, seed});
    return p;
  }();
  return all;
}

// f(config) for each; a failure says which.
template <class F>
void under_every_policy(LaunchConfig c, F f, bool with_eager = true) {
  for (const Policy& p : policies()) {
    if (p.async == AsyncPolicy::eager && !with_eager) continue;
    c.async = p.async, c.seed = p.seed;
    try {
      f(c);
    } catch (const std::exception& e) {
      throw std::runtime_error(std::string(e.what()) + " (under " + p.name + ")");
    }
  }
}

// f(config) ends in a trap of that cause whose sentence holds all the words, under every policy.
template <class F>
void trap_under_every_policy(const LaunchConfig& c, F f, Trap::Cause cause, const std::vector<std::string>& words,
                             bool with_eager = true) {
  under_every_policy(
      c,
      [&](const LaunchConfig& k) {
        Trap t = trap_of([&] { f(k); });
        CHECK_EQ(int(t.cause), int(cause), t.what());
        for (const std::string& w : words)
          CHECK(std::string(t.what()).find(w) != std::string::npos, "'", w, "' in: ", t.what());
      },
      with_eager);
}

}  // namespace sim::testing
