#include "cluster.h"

#include <algorithm>

#include "cluster_barrier.h"
#include "mbarrier.h"

namespace sim {

namespace {
constexpr uint64_t QUANTUM = 256;  // straight runs a warp gets before the next one's turn
constexpr uint64_t HELD_UP_RUNS =
    8192;  // then lanes that wait at a join go ahead of those that have not come
// Rounds after which an operation completes although warps are still busy: one of them may be polling memory for
// what it does.
constexpr uint64_t PATIENCE = 64;
constexpr unsigned TIME_OUTS = 16;  // of every wait of a cluster, before it counts as stuck
}  // namespace

Cluster::Cluster() : barrier(std::make_unique<ClusterBarrier>()) {}
Cluster::~Cluster() = default;

void Cluster::start(Launch& l, uint64_t nth) {
  launch = &l, linear = l.nth(nth), next = nth + l.slots, id = l.cluster_id(linear);
  const Dim3& k = l.config.cluster;
  uint32_t n = uint32_t(k.count()), warps = uint32_t((l.config.block.count() + LANES - 1) / LANES);
  mbarriers.clear(), shared_sync.clear(), global_sync.clear();
  rounds_ = 0, time_outs_ = 0;
  order.start(l.config.check_order, *this, warps);
  results.start(n), undefined_bytes.clear();
  async.start(l.config.async, l.config.seed * 0x9e3779b97f4a7c15ull + linear);
  while (ctas.size() < n) ctas.push_back(std::make_unique<Cta>());
  warps_.clear();
  for (uint32_t r = 0; r < n; ++r) {
    Dim3 in{r % k.x, r / k.x % k.y, r / k.x / k.y};
    ctas[r]->start(l, *this, {id.x * k.x + in.x, id.y * k.y + in.y, id.z * k.z + in.z}, r);
    for (WarpState& s : ctas[r]->warps) warps_.push_back(&s);
  }
  barrier->start(*this, warps_.size());
  priority_.resize(warps_.size());
  for (uint32_t w = 0; w < priority_.size(); ++w) priority_[w] = w;
}

void Cluster::wake(const Waitable& what) {
  ++stirred;
  for (WarpState* s : warps_)
    for (Path& p : s->paths)
      if (p.state == Path::waiting && p.on == &what) p.state = Path::ready, p.on = nullptr, p.token = WOKEN;
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
    if (async.complete_one() || ready || break_joins() || let_lapped_go() || time_out()) continue;
    deadlock();
  }
  return true;
}

// A parked wait for a phase that has completed, and the next one too: it would wait for ever. Operations that take no
// time bring kernels to that which run well where they take some, so under eager the wait is over, with a lint.
bool Cluster::let_lapped_go() {
  if (async.policy() != AsyncPolicy::eager) return false;
  bool any = false;
  for (WarpState* s : warps_)
    for (Path& p : s->paths) {
      auto* b = dynamic_cast<const Mbarrier*>(p.on);
      if (p.state != Path::waiting || !b) continue;
      if (b->awaited(s->w.index, b->phase & 1) >= b->phase) continue;
      p.state = Path::ready, p.on = nullptr, p.token = WOKEN, any = true;
    }
  return any;
}

// mbarrier.try_wait waits for a time at most (PTX 9.1 #parallel-synchronization-and-communication-instructions-
// mbarrier-test-wait-try-wait), and a thread may look after something else then. Nobody can go on, so time passes,
// until it is plain that nothing comes of it.
bool Cluster::time_out() {
  time_outs_ = stirred == stirred_at_time_out_ ? time_outs_ + 1 : 0;
  stirred_at_time_out_ = stirred;
  if (time_outs_ > TIME_OUTS) return false;
  bool any = false;
  for (WarpState* s : warps_)
    for (Path& p : s->paths) {
      if (p.state != Path::waiting || !dynamic_cast<const Mbarrier*>(p.on)) continue;
      p.state = Path::ready, p.on = nullptr, p.token = TIMED_OUT, any = true;
    }
  return any;
}

// All threads have exited; what is in flight still happens.
void Cluster::finish() {
  while (async.complete_one()) {
  }
  for (const auto& [address, b] : mbarriers)
    if (b->live && b->tx > 0 && b->last_expect)
      trap(*b->expecting, *b->last_expect, b->expecting_lane, Trap::race,
           "the CTA has exited and bytes that expect_tx announced have not come: " + b->describe());
}

void park_on(Warp& w, const Instr& in, const Waitable& what) {
  WarpState& s = *w.state;
  s.leave_behind(w.exec, &in + 1);
  s.park(Path::waiting, &in, -1, &what);
}

void yield(Warp& w) { w.state->yields = true; }

}  // namespace sim
