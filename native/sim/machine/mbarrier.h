// The mbarrier object: PTX 9.1 #parallel-synchronization-and-communication-instructions-mbarrier
// Its state lives here; the 8 bytes in shared memory hold an image of it, by which a kernel that overwrites them
// is caught.
#pragma once
#include <cstdint>
#include <string>

#include "cluster.h"

namespace sim {

struct Mbarrier : Waitable {
  static constexpr uint32_t MAX_COUNT = (1u << 20) - 1;
  static constexpr int32_t MAX_TX = (1 << 20) - 1;

  Cta* cta = nullptr;
  uint32_t offset = 0;  // in the CTA's shared window
  bool live = false;    // initialised and not invalidated
  uint32_t expected = 0, pending = 0;
  uint32_t phase = 0;  // completed phases since init; the current one's parity is phase & 1
  int32_t tx = 0;      // transactions the phase still waits for; negative: more have come than were announced
  uint32_t before = 0;  // phases of earlier lives of this place, so that events stay in order
  uint16_t dim = 0;
  Event init;           // who made it: to use it, this must be known,
  uint64_t cluster_phase = 0;  // or the cluster's barrier has come round since, were it by relaxed arrivals: CUTLASS
                               // makes its last mbarrier behind the fence that publishes the others
  Sync arriving, done;  // of the current phase; of all complete ones
  std::vector<uint32_t> next;  // by warp of its CTA: the phase its next wait can be for
  const Instr* last = nullptr;  // whose arrival or bytes came last, and by which warp
  uint32_t last_rank = 0, last_warp = 0;
  Warp* expecting = nullptr;  // the last expect_tx
  const Instr* last_expect = nullptr;
  unsigned expecting_lane = 0;

  // The event that tells: the current phase is complete.
  Event current() const { return {dim, before + phase + 1}; }
  bool complete(bool parity) const { return (phase & 1) != uint32_t(parity); }
  uint64_t state() const { return uint64_t(pending) << 32 | phase; }  // the opaque token of arrive
  // The phase that a wait of this parity by warp `index` is for: the first that it has not seen complete.
  uint32_t awaited(uint32_t index, bool parity) const { return next[index] + ((next[index] & 1) != uint32_t(parity)); }
  std::string describe() const override;
};

// The object at a shared-window address (a peer's too). Traps when there is none, when its bytes were
// overwritten, or when `w` is not ordered after its initialisation.
Mbarrier& mbarrier_at(Warp& w, const Instr& in, unsigned lane, uint64_t address);
void mbarrier_init(Warp& w, const Instr& in, unsigned lane, uint64_t address, uint32_t count);
void mbarrier_inval(Warp& w, const Instr& in, unsigned lane, uint64_t address);
// Pending arrivals of the current phase go down by `count`. `drop`: later phases expect that many fewer.
// The arriving warp's knowledge is released into the phase unless `from` gives other knowledge (an asynchronous
// arrival: what its operation covers).
void mbarrier_arrive(Warp& w, const Instr& in, unsigned lane, Mbarrier& b, uint32_t count, bool drop = false,
                     const Sync* from = nullptr);
// The current phase waits for one arrival more (cp.async.mbarrier.arrive).
void mbarrier_expect_arrival(Warp& w, const Instr& in, unsigned lane, Mbarrier& b);
void mbarrier_expect_tx(Warp& w, const Instr& in, unsigned lane, Mbarrier& b, uint32_t bytes);
// By a copy that was issued in phase `issued_in` (Mbarrier::current() then): traps when that phase ended without
// it, which says that fewer bytes were expected than come.
void mbarrier_complete_tx(Warp& w, const Instr& in, unsigned lane, Mbarrier& b, uint32_t bytes,
                          const Event* issued_in, const Sync* from = nullptr);
// True when the phase of that parity is complete; the warp then knows what its arrivals knew (`relaxed`: once a fence
// follows). `let_go`: the phase it parked for completed, and another one since: true as well, with a lint.
bool mbarrier_test(Warp& w, const Instr& in, Mbarrier& b, bool parity, bool relaxed = false, bool let_go = false);

}  // namespace sim
