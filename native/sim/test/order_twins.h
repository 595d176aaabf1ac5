// A right kernel and its twin that lacks one thing. Parts of the text in [[ ]] are what the faulty one lacks.
#pragma once
#include "policies.h"

namespace sim::testing {

inline std::string with(const std::string& text, bool repaired) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    size_t from = text.find("[[", at);
    if (from == std::string::npos) return out + text.substr(at);
    size_t to = text.find("]]", from);
    out += text.substr(at, from - at);
    if (repaired) out += text.substr(from + 2, to - from - 2);
    at = to + 2;
  }
  return out;
}

// The repaired kernel is clean under every policy; the other one ends in a race whose sentence has all the words.
inline void twins(const std::string& kernel, const LaunchConfig& c, const std::vector<uint8_t>& parameters,
                  const std::vector<std::string>& words) {
  auto right = Module::load(with(kernel, true)), wrong = Module::load(with(kernel, false));
  under_every_policy(c, [&](const LaunchConfig& k) { launch(*right, *right->entry("k"), k, parameters); });
  LaunchConfig faulty = c;
  faulty.check_uninitialised = false;  // what is read too early is often not written yet: here the order is asked for
  trap_under_every_policy(
      faulty, [&](const LaunchConfig& k) { launch(*wrong, *wrong->entry("k"), k, parameters); }, Trap::race, words);
}

}  // namespace sim::testing
