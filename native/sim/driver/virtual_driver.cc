// The table, options, and counters of launches.
#include <cstdlib>
#include <utility>

#include "native/sim/machine/profile.h"
#include "state.h"

namespace device {

Driver virtual_driver() {
  Driver d;
#define SIM_FILL(name) d.name = &sim::driver::name;
  DEVICE_ENTRY_POINTS(SIM_FILL)
#undef SIM_FILL
  d.last_error_detail = &sim::driver::last_error_detail;
  return d;
}

}  // namespace device

namespace sim {

namespace {
// Never destroyed: a program's own destructors may still launch, and what is written at exit is read after
// this library's destructors ran.
struct Counts {
  std::mutex lock;
  LaunchCount last, sum;
  std::vector<std::string> lints, profiles;
};
Counts& counts() {
  static Counts* const c = new Counts;
  return *c;
}

bool number(const std::string& text, uint64_t& out) {
  if (text.empty() || text.find_first_not_of("0123456789") != std::string::npos || text.size() > 19)
    return false;
  out = std::strtoull(text.c_str(), nullptr, 10);
  return true;
}
}  // namespace

VirtualOptions& virtual_options() {
  static VirtualOptions options;
  return options;
}

std::string options_from_environment(VirtualOptions& o) {
  auto read = [](const char* name, auto use) -> std::string {
    const char* text = std::getenv(name);
    if (!text) return "";
    std::string wanted = use(std::string(text));
    return wanted.empty() ? "" : std::string(name) + " expects " + wanted + ", found \"" + text + "\"";
  };
  std::string wrong = read("DSV4_SIM_ASYNC", [&](const std::string& t) -> std::string {
    if (t == "lazy") return o.async = AsyncPolicy::lazy, "";
    if (t == "eager") return o.async = AsyncPolicy::eager, "";
    if (t.rfind("random:", 0) == 0 && number(t.substr(7), o.seed)) return o.async = AsyncPolicy::random, "";
    return "lazy, eager or random:SEED";
  });
  if (wrong.empty())
    wrong = read("DSV4_SIM_MAX_INSTRUCTIONS", [&](const std::string& t) {
      return number(t, o.max_instructions) ? "" : "a count of warp instructions (0: no limit)";
    });
  if (wrong.empty())
    wrong = read("DSV4_SIM_CHECKS", [&](const std::string& t) -> std::string {
      if (t != "0" && t != "1") return "0 or 1";
      return o.check_uninitialised = o.check_order = t == "1", "";
    });
  if (const char* file = std::getenv("DSV4_SIM_PROFILE")) o.profile = file;
  return wrong;
}

LaunchCount last_launch() {
  std::lock_guard g(counts().lock);
  return counts().last;
}
LaunchCount all_launches() {
  std::lock_guard g(counts().lock);
  return counts().sum;
}

std::vector<std::string> take_lints() {
  std::lock_guard g(counts().lock);
  return std::exchange(counts().lints, {});
}

std::string take_profiles() {
  std::lock_guard g(counts().lock);
  std::string all = "[";
  for (const std::string& p : std::exchange(counts().profiles, {})) all += (all.size() > 1 ? ",\n" : "") + p;
  return all + "]";
}

namespace driver {
void record(const std::string& kernel, const LaunchResult& r) {
  Counts& c = counts();
  std::lock_guard g(c.lock);
  c.last = {kernel, 1, r.warp_instructions, r.thread_instructions, r.seconds};
  c.lints.insert(c.lints.end(), r.lints.begin(), r.lints.end());
  if (r.profile) c.profiles.push_back(r.profile->json());
  c.sum.launches += 1, c.sum.warp_instructions += r.warp_instructions;
  c.sum.thread_instructions += r.thread_instructions, c.sum.seconds += r.seconds;
}
}  // namespace driver
}  // namespace sim
