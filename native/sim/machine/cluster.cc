#include "cluster.h"

#include <algorithm>

#include "mbarrier.h"

namespace sim {

namespace {
constexpr uint64_t QUANTUM = 256;  // straight runs a warp gets before the next one's turn
constexpr uint64_t HELD_UP_RUNS =
    8192;  // then lanes that wait at a join go ahead of those that have not come
// Rounds after which an operation completes although warps are still busy: one of them may be polling memory for
// what it does.
constexpr uint64_t PATIENCE = 64;
}  // namespace

Cluster::Cluster() = default;
Cluster::~Cluster() = default;

void Cluster::start(Launch& l, uint64_t linear_id) {
  launch = &l, linear = linear_id, id = l.cluster_id(linear_id);
  const Dim3& k = l.config.cluster;
  uint32_t n = uint32_t(k.count()), warps = uint32_t((l.config.block.count() + LANES - 1) / LANES);
  mbarriers.clear(), shared_sync.clear(), global_sync.clear();
  rounds_ = 0;
  order.start(l.config.check_order, n, warps);
  async.start(l.config.async, l.config.seed * 0x9e3779b97f4a7c15ull + linear_id);
  while (ctas.size() < n) ctas.push_back(std::make_unique<Cta>());
  warps_.clear();
  for (uint32_t r = 0; r < n; ++r) {
    Dim3 in{r % k.x, r / k.x % k.y, r / k.x / k.y};
    ctas[r]->start(l, *this, {id.x * k.x + in.x, id.y * k.y + in.y, id.z * k.z + in.z}, r);
    for (WarpState& s : ctas[r]->warps) warps_.push_back(&s);
  }
  priority_.resize(warps_.size());
  for (uint32_t w = 0; w < priority_.size(); ++w) priority_[w] = w;
}

void Cluster::wake(const Waitable& what) {
  for (WarpState* s : warps_)
    for (Path& p : s->paths)
      if (p.state == Path::waiting && p.on == &what) p.state = Path::ready, p.on = nullptr, p.token = 1;
}

// One warp's turn. False when nothing in it was ready.
bool Cluster::turn(WarpState& s, uint64_t runs) {
  s.yields = false;
  if (!sim::run(s, runs)) return false;
  order.settle();
  if (s.paths.size() > 1 && s.running()) s.rotate();
  if (!s.joins.empty() && (s.held_up += runs) > HELD_UP_RUNS) s.break_joins(), s.held_up = 0;
  return true;
}

bool Cluster::round_in_order(bool& live, bool& progress) {
  bool ready = false;
  for (WarpState* s : warps_) {
    if (s->paths.empty()) continue;
    live = true;
    if (!turn(*s, QUANTUM)) continue;
    ready = true;
    progress |= !s->yields;
  }
  return ready;
}

// One warp by priorities that change now and then, so that some warps run far ahead of others; and operations
// complete between any two turns.
bool Cluster::one_at_random(bool& live) {
  auto& random = async.random();
  uint64_t dice = random();
  if (dice % 256 == 0) std::shuffle(priority_.begin(), priority_.end(), random);
  if ((dice >> 8) % 4 == 0) async.complete_one();
  size_t first = (dice >> 16) % 8 ? 0 : (dice >> 24) % priority_.size(), n = priority_.size();
  for (size_t k = 0; k < n; ++k) {
    WarpState& s = *warps_[priority_[(first + k) % n]];
    if (s.paths.empty()) continue;
    live = true;
    if (!turn(s, 1 + (dice >> 40) % 32)) continue;
    // a poll that found nothing: others first
    if (s.yields) std::rotate(priority_.begin(), priority_.begin() + 1, priority_.end());
    return true;
  }
  return false;
}

bool Cluster::break_joins() {
  bool moved = false;
  for (WarpState* s : warps_) moved |= s->break_joins();
  return moved;
}

bool Cluster::slice(uint64_t runs) {
  bool random = async.policy() == AsyncPolicy::random;
  for (uint64_t given = 0; given < runs;) {
    bool live = false, progress = false;
    bool ready = random ? one_at_random(live) : round_in_order(live, progress);
    given += random ? 16 : QUANTUM * warps_.size();
    if (ready && (random || (progress && ++rounds_ % PATIENCE))) continue;
    if (!ready && !live) {
      finish();
      return false;
    }
    if (async.complete_one() || ready || break_joins()) continue;
    deadlock();
  }
  return true;
}

// All threads have exited; what is in flight still happens.
void Cluster::finish() {
  while (async.complete_one()) {
  }
}

void Cluster::over_limit() {
  for (WarpState* s : warps_)
    for (const Path& p : s->paths)
      trap(s->w, *p.ip, unsigned(__builtin_ctz(p.mask)), Trap::limit,
           "the launch ran more than " + std::to_string(launch->config.max_instructions) +
               " warp instructions, its limit");
  throw Trap(Trap::limit, "kernel " + launch->program->kernel->name + " ran more than " +
                              std::to_string(launch->config.max_instructions) +
                              " warp instructions, its limit");
}

void Cluster::deadlock() {
  std::string lines;
  const WarpState* first = nullptr;
  for (const WarpState* s : warps_)
    for (const Path& p : s->paths) {
      if (!first) first = s;
      const auto* text = p.ip->info->text;
      char mask[16];
      std::snprintf(mask, sizeof mask, "%08x", p.mask);
      lines += lines.empty() ? "" : "; ";
      if (ctas.size() > 1) lines += "CTA rank " + std::to_string(s->w.cta->rank) + " ";
      lines += "warp " + std::to_string(s->w.index) + " lanes " + mask + " at PTX line " +
               (text ? std::to_string(text->line) + " (" + text->op.text + ")" : "?");
      if (p.barrier >= 0) {
        const Barrier& b = s->w.cta->barriers[p.barrier];
        lines += " on barrier " + std::to_string(p.barrier) +
                 (b.count ? " for " + std::to_string(b.count) + " threads" : " for all threads");
      }
      if (p.on) lines += " on the " + p.on->describe();
    }
  const Path& p = first->paths.front();
  Warp& w = const_cast<WarpState*>(first)->w;
  trap(w, *p.ip, unsigned(__builtin_ctz(p.mask)), Trap::deadlock, "deadlock: nobody can go on: " + lines);
}

void park_on(Warp& w, const Instr& in, const Waitable& what) {
  WarpState& s = *w.state;
  s.leave_behind(w.exec, &in + 1);
  s.park(Path::waiting, &in, -1, &what);
}

void yield(Warp& w) { w.state->yields = true; }

}  // namespace sim
