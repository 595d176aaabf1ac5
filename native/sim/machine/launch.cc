// A grid on the host's cores: clusters are handed out in order. One that runs long shares its core with ones that
// have not started, so a grid whose CTAs wait for one another gets on.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <thread>

#include "../sim.h"
#include "cluster.h"
#include "mbarrier.h"
#include "profile.h"

namespace sim {

namespace {

constexpr uint64_t SLICE = 1 << 14;
constexpr uint64_t SMS = 148;         // of a B200
constexpr size_t MAX_RESIDENT = 256;  // clusters that live at once on one core

// Threads that wait for work, one a core besides the caller's.
class Pool {
 public:
  static Pool& get() {
    static Pool* pool = new Pool;  // never destroyed: its threads sleep until the process ends
    return *pool;
  }
  // Runs job on up to `wanted` cores at once, and returns when all are done.
  void run(size_t wanted, const std::function<void()>& job) {
    size_t helpers = std::min(wanted - 1, threads_);
    {
      std::lock_guard g(lock_);
      job_ = &job, open_ = helpers, active_ = helpers;
    }
    if (helpers) wake_.notify_all();
    job();
    std::unique_lock g(lock_);
    active_ -= open_, open_ = 0;  // who has not woken yet is not needed any more
    done_.wait(g, [&] { return active_ == 0; });
  }

 private:
  Pool() : threads_(std::max(1u, std::thread::hardware_concurrency()) - 1) {
    for (size_t k = 0; k < threads_; ++k) std::thread([this] { serve(); }).detach();
  }
  void serve() {
    std::unique_lock g(lock_);
    for (;;) {
      wake_.wait(g, [&] { return open_ > 0; });
      --open_;
      auto* job = job_;
      g.unlock();
      (*job)();
      g.lock();
      if (--active_ == 0) done_.notify_one();
    }
  }
  std::mutex lock_;
  std::condition_variable wake_, done_;
  const std::function<void()>* job_ = nullptr;
  size_t open_ = 0, active_ = 0, threads_;
};

// One core's share of a launch.
void work(Launch& l, std::exception_ptr& fault, std::mutex& fault_lock) {
  std::unique_ptr<Counters> counters;
  if (l.config.profile) counters = std::make_unique<Counters>(), counters->runs.resize(l.program->code.size());
  std::deque<std::unique_ptr<Cluster>> resident;
  std::vector<std::unique_ptr<Cluster>> spare;
  auto start = [&] {
    uint64_t next;
    if (!l.claim(next)) return false;
    std::unique_ptr<Cluster> c;
    if (spare.empty())
      c = std::make_unique<Cluster>();
    else
      c = std::move(spare.back()), spare.pop_back();
    c->counters = counters.get();
    c->start(l, next);
    resident.push_front(std::move(c));
    return true;
  };
  auto count = [&](Cluster& c) {
    uint64_t warp = 0, thread = 0;
    for (auto& cta : c.ctas)
      for (WarpState& s : cta->warps) {
        warp += s.warp_instructions - s.counted_warp, thread += s.thread_instructions - s.counted_thread;
        s.counted_warp = s.warp_instructions, s.counted_thread = s.thread_instructions;
      }
    l.thread_instructions += thread;
    return l.warp_instructions += warp;
  };
  try {
    while (!l.stop.load(std::memory_order_relaxed)) {
      if (resident.empty() && !start()) break;
      std::unique_ptr<Cluster> c = std::move(resident.front());
      resident.pop_front();
      bool more = c->slice(l.config.max_instructions ? 256 : SLICE);
      if (count(*c) > l.config.max_instructions && l.config.max_instructions) c->over_limit();
      if (!more) {
        if (c->next >= l.clusters.count()) {
          spare.push_back(std::move(c));
          continue;
        }
        c->start(l, c->next);
      }
      resident.push_back(std::move(c));
      // CTAs of a cooperative launch wait for all others
      if (resident.size() < MAX_RESIDENT || l.config.grid_workspace) start();
    }
  } catch (...) {
    l.stop = true;
    std::lock_guard g(fault_lock);
    if (!fault) fault = std::current_exception();
  }
  if (!counters) return;
  std::lock_guard g(l.counters_lock);
  l.counters->merge(*counters);
}

// The launch's cluster, or the kernel's own: PTX 9.1 #cluster-dimension-directives.
void settle_cluster(const Program& p, LaunchConfig& c) {
  const auto& d = p.kernel->directives;
  auto it = d.find("reqnctapercluster");
  bool own_cluster = it != d.end() && !it->second.empty();
  c.explicit_cluster |= c.cluster.count() > 1 || own_cluster;
  if (d.count("explicitcluster") && !c.explicit_cluster)
    throw std::invalid_argument("kernel " + p.kernel->name +
                                " expects a launch that names a cluster (.explicitcluster), found one without");
  if (!own_cluster) return;
  auto extent = [&](size_t k) { return k < it->second.size() ? uint32_t(it->second[k]) : 1; };
  Dim3 own{extent(0), extent(1), extent(2)};
  if (c.cluster.count() > 1 && (c.cluster.x != own.x || c.cluster.y != own.y || c.cluster.z != own.z))
    throw std::invalid_argument("kernel " + p.kernel->name + " expects the cluster of its .reqnctapercluster, " +
                                std::to_string(own.count()) + " CTAs, found " + std::to_string(c.cluster.count()));
  c.cluster = own;
}

void check_limits(const Program& p, const LaunchConfig& c) {
  auto expect = [&](bool ok, const std::string& what, uint64_t got) {
    if (!ok)
      throw std::invalid_argument("kernel " + p.kernel->name + " expects " + what + ", found " +
                                  std::to_string(got));
  };
  uint64_t threads = c.block.count();
  expect(threads >= 1 && threads <= MAX_THREADS, "1 to 1024 threads a CTA", threads);
  expect(c.block.z <= 64, "a block of at most 64 in z", c.block.z);
  expect(c.grid.count() >= 1 && c.grid.x <= 0x7fffffff && c.grid.y <= 65535 && c.grid.z <= 65535,
         "a grid of 1 to (2^31-1, 65535, 65535) CTAs", c.grid.count());
  expect(p.static_shared + uint64_t(c.dynamic_shared) <= MAX_SHARED, "at most 227 KB of shared memory",
         p.static_shared + uint64_t(c.dynamic_shared));
  expect(c.cluster.count() >= 1 && c.cluster.count() <= MAX_CLUSTER, "a cluster of 1 to 16 CTAs", c.cluster.count());
  if (c.cluster.count() > 8)
    expect(c.non_portable_cluster, "at most 8 CTAs a cluster unless its attribute allows non-portable sizes",
           c.cluster.count());
  expect(c.grid.x % c.cluster.x == 0 && c.grid.y % c.cluster.y == 0 && c.grid.z % c.cluster.z == 0,
         "a grid that is a multiple of the cluster in each dimension", c.grid.count());
  const auto& d = p.kernel->directives;
  auto extent = [](const std::vector<uint64_t>& v) {
    uint64_t n = 1;
    for (uint64_t e : v) n *= e;
    return n;
  };
  if (auto it = d.find("maxclusterrank"); it != d.end())
    expect(c.cluster.count() <= extent(it->second),
           "at most " + std::to_string(extent(it->second)) + " CTAs a cluster (.maxclusterrank)", c.cluster.count());
  if (auto it = d.find("maxntid"); it != d.end())
    expect(threads <= extent(it->second),
           "at most " + std::to_string(extent(it->second)) + " threads a CTA (.maxntid)", threads);
  if (auto it = d.find("reqntid"); it != d.end())
    expect(threads == extent(it->second), std::to_string(extent(it->second)) + " threads a CTA (.reqntid)",
           threads);
}

}  // namespace

Launch::Launch() = default;
Launch::~Launch() = default;

bool Launch::claim(uint64_t& slot) {
  slot = next_slot.fetch_add(1);
  return slot < slots;
}

bool Launch::cancel(Cluster& by, uint64_t& linear) {
  // A request may always fail, and then the cluster is launched: by seed one in eight does.
  if (by.next >= clusters.count() || (config.async == AsyncPolicy::random && by.async.random()() % 8 == 0)) return false;
  linear = nth(by.next);
  by.next += slots;
  return true;
}

uint64_t Launch::nth(uint64_t n) const {
  uint64_t total = clusters.count();
  return config.async == AsyncPolicy::random && slots == total ? (n + config.seed % total) % total : n;
}

Dim3 Launch::cluster_id(uint64_t linear) const {
  return {uint32_t(linear % clusters.x), uint32_t(linear / clusters.x % clusters.y),
          uint32_t(linear / clusters.x / clusters.y)};
}

void Launch::lint(const std::string& sentence) {
  std::lock_guard g(lint_lock);
  if (std::find(lints.begin(), lints.end(), sentence) == lints.end()) lints.push_back(sentence);
}

LaunchResult launch(Module& module, const ptx::Function& entry, const LaunchConfig& wanted,
                    std::span<const uint8_t> params) {
  static std::mutex one_at_a_time;
  static uint64_t grids = 0;
  const Program& p = module.program(entry);
  LaunchConfig config = wanted;
  settle_cluster(p, config);
  check_limits(p, config);
  if (params.size() != p.param_bytes)
    throw std::invalid_argument("kernel " + entry.name + " expects " + std::to_string(p.param_bytes) +
                                " bytes of parameters, found " + std::to_string(params.size()));
  std::lock_guard guard(one_at_a_time);
  Launch l;
  l.program = &p, l.config = config, l.memory = &module.memory(), l.grid_id = ++grids;
  l.params.assign(params.begin(), params.end());
  l.params.resize(params.size() + 64);
  l.allocations = module.memory().list();
  const Dim3 &g = config.grid, &k = config.cluster;
  l.clusters = {g.x / k.x, g.y / k.y, g.z / k.z};
  if (config.profile) l.counters = std::make_unique<Counters>();
  // Few enough that some launches can be cancelled, and no more than a B200 has SMs for.
  uint64_t total = l.clusters.count();
  l.slots = p.cancels_launches ? std::min<uint64_t>((total + 1) / 2, std::max<uint64_t>(1, SMS / k.count())) : total;
  if (p.cancels_launches && config.async == AsyncPolicy::random) l.slots = 1 + config.seed % l.slots;
  auto begin = std::chrono::steady_clock::now();
  std::exception_ptr fault;
  std::mutex fault_lock;
  std::function<void()> job = [&] { work(l, fault, fault_lock); };
  Pool::get().run(size_t(std::min<uint64_t>(l.slots, 1024)), job);
  if (fault) std::rethrow_exception(fault);
  LaunchResult r;
  r.warp_instructions = l.warp_instructions, r.thread_instructions = l.thread_instructions;
  r.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  r.lints = std::move(l.lints);
  if (l.counters) {
    r.profile = std::make_shared<Profile>(l, std::move(*l.counters));
    r.profile->seconds = r.seconds;
  }
  return r;
}

}  // namespace sim
