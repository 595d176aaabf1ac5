// The barrier of a cluster: PTX 9.1 #parallel-synchronization-and-communication-instructions-barrier-cluster
// A thread arrives, and later waits for the phase it arrived in. It completes when every thread of the cluster that
// has not exited has arrived.
#pragma once
#include <vector>

#include "cluster.h"

namespace sim {

struct ClusterBarrier : Waitable {
  Cluster* cluster = nullptr;
  std::vector<uint32_t> arrived;  // lanes by warp of the cluster, in the phase that is open
  std::vector<uint32_t> owing;    // lanes that have arrived and not waited
  uint64_t phases = 0;
  bool busy = false;
  Sync sync, done;
  // What relaxed arrivals leave to their own CTA. PTX promises nothing, but an SM keeps its warps' accesses to its own
  // shared memory in order, and right kernels live on it: DeepGEMM reads the address that tcgen05.alloc stored behind
  // barrier.cluster.arrive.relaxed.
  std::vector<Sync> own, own_done;

  void start(Cluster& c, size_t warps);
  size_t index(const Warp& w) const;
  // Lanes come; `relaxed`: without what they know.
  void arrive(Warp& w, const Instr& in, bool relaxed);
  // True when the phase that these lanes arrived in is complete.
  bool passes(Warp& w, const Instr& in);
  void exited();  // threads that are gone are not waited for
  std::string describe() const override;

 private:
  void complete_if_all();
};

}  // namespace sim
