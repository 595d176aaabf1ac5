// How many CTAs of a function live on an SM at once, and how many clusters on the device.
#include "occupancy.h"

#include <algorithm>

#include "limits.h"

namespace sim::driver {

using namespace limits;

namespace {
int up(int v, int unit) { return (v + unit - 1) / unit * unit; }
uint64_t extent(const ptx::Function& f, const char* directive) {
  auto it = f.directives.find(directive);
  if (it == f.directives.end()) return 0;
  uint64_t n = 1;
  for (uint64_t e : it->second) n *= e;
  return n;
}
}  // namespace

int threads_allowed(const FunctionHandle& f) {
  uint64_t n = extent(*f.entry, "maxntid");
  if (!n) n = extent(*f.entry, "reqntid");
  return n ? int(std::min<uint64_t>(n, MAX_THREADS)) : int(MAX_THREADS);
}

// Values alive at once; ptxas may need more or fewer, but it keeps to what the launch bounds leave.
int registers_of(const FunctionHandle& f) {
  const Program& p = f.owner->module->program(*f.entry);
  int most = 255;
  if (uint64_t n = extent(*f.entry, "maxnreg")) most = std::min(most, int(n));
  if (extent(*f.entry, "maxntid") || extent(*f.entry, "reqntid")) {
    int warps = up((threads_allowed(f) + 31) / 32, 4);
    int ctas = int(std::max<uint64_t>(1, extent(*f.entry, "minnctapersm")));
    most = std::min(most, REGISTERS_SM / (warps * ctas) / REGISTER_UNIT * REGISTER_UNIT / 32);
  }
  return std::max(16, std::min(int(p.register_peak), most));
}

int ctas_per_sm(const FunctionHandle& f, uint64_t threads, uint64_t dynamic_shared) {
  if (!threads || threads > MAX_THREADS) return 0;
  const Program& p = f.owner->module->program(*f.entry);
  int warps = int((threads + 31) / 32);
  int n = std::min(BLOCKS_SM, THREADS_SM / 32 / warps);
  int per_warp = up(registers_of(f) * 32, REGISTER_UNIT);
  // Each of the four partitions holds whole warps.
  n = std::min(n, 4 * (REGISTERS_SM / 4 / per_warp) / warps);
  uint64_t shared = p.static_shared + dynamic_shared;
  if (shared > SHARED_BLOCK) return 0;
  return std::min(n, SHARED_SM / up(int(shared) + SHARED_RESERVED, SHARED_UNIT));
}

int clusters_on_device(const FunctionHandle& f, uint64_t cluster, uint64_t threads, uint64_t dynamic_shared) {
  int ctas = ctas_per_sm(f, threads, dynamic_shared), n = 0;
  for (int sms : GPC_SMS) n += int(sms * ctas / cluster);
  return n;
}

}  // namespace sim::driver
