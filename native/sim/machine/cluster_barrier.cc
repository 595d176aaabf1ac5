#include "cluster_barrier.h"

namespace sim {

void ClusterBarrier::start(Cluster& c, size_t warps) {
  cluster = &c, phases = 0, busy = false;
  arrived.assign(warps, 0), owing.assign(warps, 0);
  sync.clear(), done.clear();
  own.assign(c.ctas.size(), {}), own_done = own;
}

size_t ClusterBarrier::index(const Warp& w) const { return w.cta->rank * w.cta->warps.size() + w.index; }

void ClusterBarrier::arrive(Warp& w, const Instr& in, bool relaxed) {
  uint32_t& here = arrived[index(w)];
  if (uint32_t again = here & w.exec)
    trap(w, in, unsigned(__builtin_ctz(again)),
         "a thread arrives at the cluster's barrier twice before it completes");
  busy = true;
  here |= w.exec, owing[index(w)] |= w.exec;
  if (relaxed)
    cluster->order.release_relaxed(w, sync), cluster->order.release(w, own[w.cta->rank]);
  else
    cluster->order.release(w, sync);
  complete_if_all();
}

bool ClusterBarrier::passes(Warp& w, const Instr& in) {
  uint32_t& owes = owing[index(w)];
  if (uint32_t idle = w.exec & ~owes)
    trap(w, in, unsigned(__builtin_ctz(idle)),
         "barrier.cluster.wait by a thread that has not executed barrier.cluster.arrive before it");
  if (arrived[index(w)] & w.exec) return false;
  owes &= ~w.exec;
  cluster->order.acquire(w, done), cluster->order.acquire(w, own_done[w.cta->rank]);
  cluster->order.acquire_exits(w, true);
  return true;
}

void ClusterBarrier::complete_if_all() {
  size_t k = 0;
  for (const auto& cta : cluster->ctas)
    for (const WarpState& s : cta->warps)
      if (s.live & ~arrived[k++]) return;
  std::fill(arrived.begin(), arrived.end(), 0);
  busy = false, ++phases;
  done = sync;
  sync.clear();
  own_done.swap(own);
  for (Sync& s : own) s.clear();
  cluster->wake(*this);
}

void ClusterBarrier::exited() {
  if (busy) complete_if_all();
}

std::string ClusterBarrier::describe() const {
  std::string s = "barrier of the cluster, which has not been reached by";
  size_t k = 0, listed = 0, missing = 0;
  for (const auto& cta : cluster->ctas)
    for (const WarpState& w : cta->warps)
      if (w.live & ~arrived[k++]) {
        ++missing;
        if (++listed <= 4)
          s += (listed > 1 ? "," : "") + std::string(" warp ") + std::to_string(w.w.index) + " of CTA rank " +
               std::to_string(cta->rank);
      }
  return missing > 4 ? s + " and " + std::to_string(missing - 4) + " more" : s;
}

}  // namespace sim
