// A cooperative thread array while it runs: shared memory, named barriers, warps that take turns on one host
// thread.
#pragma once
#include <atomic>
#include <map>
#include <mutex>
#include <vector>

#include "async.h"
#include "memory.h"
#include "order.h"
#include "paths.h"
#include "tmem.h"

namespace sim {

struct Dim3 {
  uint32_t x = 1, y = 1, z = 1;
  uint64_t count() const { return uint64_t(x) * y * z; }
};

struct LaunchConfig {
  Dim3 grid, block, cluster;
  bool explicit_cluster = false;  // the launch or the kernel names a cluster, be it of one CTA
  bool non_portable_cluster = true;  // more than 8 CTAs (CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED)
  uint32_t dynamic_shared = 0;
  uint64_t max_instructions = 0;  // warp instructions of the whole launch; 0: no limit
  bool check_uninitialised = true;
  bool check_order = true;  // accesses to shared and tensor memory that nothing orders
  bool profile = false;  // LaunchResult::profile
  AsyncPolicy async = AsyncPolicy::lazy;
  uint64_t seed = 0;  // of AsyncPolicy::random, and of the order of warps and clusters then
  uint64_t grid_workspace = 0;  // of a cooperative launch: the address that %envreg1 and %envreg2 hold
};

// One launch in progress, shared by the host threads that run its CTAs.
struct Cluster;
struct Counters;
struct Launch {
  const Program* program = nullptr;
  LaunchConfig config;
  std::vector<uint8_t> params;
  uint64_t grid_id = 0;
  Memory* memory = nullptr;
  std::shared_ptr<const Allocations> allocations;  // by address; nothing comes or goes during a launch
  std::atomic<uint64_t> next_slot{0}, warp_instructions{0}, thread_instructions{0};
  std::atomic<bool> stop{false};
  // Tensor maps in global memory that the launch has changed, and how often.
  std::mutex map_lock;
  std::map<uint64_t, uint32_t> map_changes;
  std::atomic<bool> maps_changed{false};
  std::atomic<uint64_t> bulk_bytes[3] = {};  // moved by bulk and tensor copies: into shared memory, out of it, between CTAs
  Dim3 clusters;  // the grid in clusters

  // Clusters start in slots, as on SMs: slot s runs the clusters s, s + slots, s + 2 slots ... one after the other,
  // whether each was launched or its predecessor cancelled its launch and did its work. So who cancels what does not
  // depend on how the host's cores race. There is a slot for every cluster unless the kernel cancels launches.
  uint64_t slots = 1;
  bool claim(uint64_t& slot);  // for a host thread. False: all are taken.
  // clusterlaunchcontrol.try_cancel by a running cluster.
  bool cancel(Cluster& by, uint64_t& linear);
  // The cluster that is n-th to start: by seed the grid starts somewhere else, where all live at once. With fewer
  // slots one may wait for those before it, which hardware starts first (stream-K does).
  uint64_t nth(uint64_t n) const;
  // The place of a cluster in the grid.
  Dim3 cluster_id(uint64_t linear) const;

  // What is no fault but worth a word (a waiter lapped by two phases under eager): one sentence each, no doubles.
  std::mutex lint_lock;
  std::vector<std::string> lints;
  void lint(const std::string& sentence);

  std::mutex counters_lock;
  std::unique_ptr<Counters> counters;  // profile: of the host threads that are done
  Launch();
  ~Launch();
};

struct Barrier {
  std::vector<uint32_t> arrived;  // lanes a warp
  uint32_t count = 0;             // threads it waits for; 0: all that have not exited
  bool busy = false;
  uint32_t ones = 0, voters = 0;  // barrier.red
  Sync sync;
};

struct Cluster;

struct Cta {
  Launch* launch = nullptr;
  Cluster* cluster = nullptr;
  Dim3 id;
  uint32_t rank = 0;  // in its cluster
  std::vector<WarpState> warps;
  std::vector<uint8_t> shared, shared_shadow;
  Barrier barriers[16];
  // allocation hit last, by instruction: kernels walk a few buffers
  const Allocation* recent[32] = {};
  std::unique_ptr<Tmem> tmem;
  std::map<uint64_t, uint32_t> maps_acquired;  // changed tensor maps: up to which change its copies see them
  std::vector<uint16_t> asked_registers;  // by warp: its last setmaxnreg, 0 none
  bool saw_no_cluster = false;  // a response of clusterlaunchcontrol.try_cancel that failed

  void start(Launch& l, Cluster& in, const Dim3& ctaid, uint32_t cluster_rank);
  bool done() const;  // all its warps have exited
  uint32_t shared_bytes() const;  // of its window: the reserved part, static and dynamic
  uint64_t shared_base() const { return uint64_t(rank) << 24; }

  // Lanes of warp `index` come to barrier `id`. True when that completes it: all that wait are woken with
  // `token` 1 + ones.
  void arrive(unsigned id, unsigned index, uint32_t lanes, uint32_t count, uint32_t ones);
  void exited();  // barriers that only waited for threads that are gone

 private:
  bool complete(const Barrier& b) const;
  void wake(unsigned id);
  void check_aligned(unsigned id, const WarpState& s);
  void fill_inits(WarpState& s);
  uint64_t value_of(const Init& i, uint32_t warp) const;
};

}  // namespace sim
