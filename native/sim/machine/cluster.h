// A cluster while it runs: its CTAs, their warps in turns on one host thread, what is in flight, and who knows what.
#pragma once
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "async.h"
#include "cta.h"
#include "order.h"
#include "results.h"

namespace sim {

// What a parked path waits for.
struct Waitable {
  virtual ~Waitable() = default;
  virtual std::string describe() const = 0;  // "mbarrier at shared 0x400 of CTA ..., phase 3, ...", for a deadlock
};

struct Mbarrier;
struct ClusterBarrier;

// Path::token of a path that was woken: what it waited for has happened; or nothing can happen any more, so that a
// wait with a time limit may as well reach it.
inline constexpr uint64_t WOKEN = 1, TIMED_OUT = 2;

struct Cluster {
  Launch* launch = nullptr;
  uint64_t linear = 0;  // in the grid of clusters
  uint64_t next = 0;    // what its slot runs after it (Launch::slots); cancelled launches are passed over
  Dim3 id;              // in clusters
  std::vector<std::unique_ptr<Cta>> ctas;  // by rank
  Async async;
  Order order;
  Results results;               // kept where order is
  UndefinedBytes undefined_bytes;
  std::map<uint64_t, std::unique_ptr<Mbarrier>> mbarriers;  // by shared-window address
  std::unique_ptr<ClusterBarrier> barrier;
  Sync global_sync;                                         // left by release, volatile and atomic accesses to global memory
  uint64_t tmem_serial = 0;                                 // allocations of tensor memory so far
  std::map<uint64_t, Sync> shared_sync;                     // to a word of shared memory
  Counters* counters = nullptr;  // of the host thread, when the launch is profiled
  uint64_t stirred = 0;  // goes up with whatever may end a wait: arrivals, bytes, wakes

  Cluster();
  ~Cluster();
  void start(Launch& l, uint64_t nth);
  bool slice(uint64_t runs);  // lets warps run for a while; false when all have exited. Throws Trap.
  Cta* at_rank(uint64_t rank) { return rank < ctas.size() ? ctas[rank].get() : nullptr; }
  // The CTA that a shared-window address lies in, nullptr when none.
  Cta* owner(uint64_t address) { return at_rank(address >> 24); }
  void wake(const Waitable& what);
  [[noreturn]] void over_limit();

 private:
  bool turn(WarpState& s, uint64_t runs);
  bool round_in_order(bool& live, bool& progress);
  bool one_at_random(bool& live);
  bool break_joins();
  bool let_lapped_go();
  bool time_out();
  void finish();
  [[noreturn]] void deadlock();
  uint64_t rounds_ = 0;
  uint64_t stirred_at_time_out_ = 0;
  unsigned time_outs_ = 0;  // since something stirred
  std::vector<WarpState*> warps_;
  std::vector<uint32_t> priority_;
};

// Parks the lanes that are on until `what` wakes them: the instruction then runs again for them with Path::token
// set. Lanes that its guard turned off go on.
void park_on(Warp& w, const Instr& in, const Waitable& what);
// Ends the warp's turn after this instruction: a poll that found nothing lets others go on.
void yield(Warp& w);

}  // namespace sim
