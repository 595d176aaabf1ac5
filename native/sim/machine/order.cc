// What warps know of events, and what they leave for one another. The accesses themselves: order_access.cc.
#include "order.h"

#include "cluster.h"

namespace sim {

void Order::start(bool on, Cluster& cluster, uint32_t warps_a_cta) {
  on_ = on, warps_ = warps_a_cta, cluster_ = &cluster;
  const size_t ctas = size_t(cluster.launch->config.cluster.count());
  agents_.clear(), names_.clear(), kinds_.clear(), suspects_.clear();
  shared_.clear(), tmem_.clear(), crowds_.clear(), free_crowds_.clear(), exited_.clear();
  races_.clear(), raced_.clear(), reads_.clear(), reads_at_most_ = 4096;
  shared_.resize(ctas), tmem_.resize(ctas), exited_.resize(ctas);
  if (!on) return;
  new_dim("");  // dimension 0 is nobody
  auto add = [&](Kind kind) {
    names_.emplace_back(), kinds_.push_back(kind);
    return uint16_t(names_.size() - 1);
  };
  for (size_t k = 0; k < ctas * warps_a_cta; ++k) {
    Agent a;
    a.dim = add(warp), a.tensor_dim = add(tensor), a.tmem_dim = add(tmem_read), a.tmem_write_dim = add(tmem_write);
    a.bulk_dim = add(bulk), a.copy_dim = add(copy);
    agents_.push_back(std::move(a));
  }
}

Agent& Order::agent(const Warp& w) { return agents_[w.cta->rank * warps_ + w.index]; }

uint16_t Order::new_dim(std::string name) {
  names_.push_back(std::move(name)), kinds_.push_back(phase);
  return uint16_t(names_.size() - 1);
}

// ---- synchronisation
void Order::release(const Warp& w, Sync& into) {
  if (!on_) return;
  Agent& a = agent(w);
  a.known.seen.raise(a.dim, a.now++);
  into.join(a.known);
}
void Order::acquire(const Warp& w, const Sync& from) {
  if (!on_) return;
  Agent& a = agent(w);
  a.known.seen.join(from.seen), a.known.fenced.join(from.fenced);
  a.piped_by_sync.join(from.piped);
}
void Order::release_relaxed(const Warp& w, Sync& into) {
  if (on_) into.join(agent(w).published);
}
void Order::acquire_relaxed(const Warp& w, const Sync& from) {
  if (on_) agent(w).observed.join(from);
}
void Order::fence(const Warp& w, bool acquires, bool releases) {
  if (!on_) return;
  Agent& a = agent(w);
  if (acquires) {
    a.known.seen.join(a.observed.seen), a.known.fenced.join(a.observed.fenced);
    a.piped_by_sync.join(a.observed.piped);
    a.observed.clear();
  }
  if (releases) {
    a.known.seen.raise(a.dim, a.now++);
    a.published = a.known;
  }
}
void Order::fence_proxy_async(const Warp& w) {
  if (!on_) return;
  Agent& a = agent(w);
  a.known.seen.raise(a.dim, a.now++);
  a.known.fenced.join(a.known.seen);
}
// The tcgen05 fences order operations of the tensor core that are still in flight, and with relaxed arrivals and
// waits the ones that are complete as well: PTX 9.1 #tcgen05-memory-consistency-model-canonical-sync-patterns
void Order::tcgen05_fence_before(const Warp& w) {
  if (!on_) return;
  Agent& a = agent(w);
  a.known.piped.raise(a.tensor_dim, a.tensor);
  a.published.piped.join(a.known.piped);
  for (uint16_t d = 1; d < a.known.seen.size(); ++d)
    if (kinds_[d] == tensor || kinds_[d] == tmem_read || kinds_[d] == tmem_write)
      a.published.seen.raise(d, a.known.seen.at(d));
}
void Order::tcgen05_fence_after(const Warp& w) {
  if (!on_) return;
  Agent& a = agent(w);
  a.known.piped.join(a.piped_by_sync);
  a.known.piped.join(a.observed.piped);
  for (uint16_t d = 1; d < a.observed.seen.size(); ++d)
    if (kinds_[d] == tensor || kinds_[d] == tmem_read || kinds_[d] == tmem_write)
      a.known.seen.raise(d, a.observed.seen.at(d));
}
void Order::exit(const Warp& w) {
  if (on_) release(w, exited_[w.cta->rank]);
}
void Order::acquire_exits(const Warp& w, bool of_whole_cluster) {
  if (!on_) return;
  for (size_t rank = 0; rank < exited_.size(); ++rank)
    if (of_whole_cluster || rank == w.cta->rank) acquire(w, exited_[rank]);
}

// ---- events of asynchronous operations
Event Order::next_tensor(const Warp& w) {
  if (!on_) return {};
  Agent& a = agent(w);
  return {a.tensor_dim, ++a.tensor};
}
Event Order::tensor_so_far(const Warp& w) {
  if (!on_) return {};
  Agent& a = agent(w);
  return {a.tensor_dim, a.tensor};
}
Event Order::next_tmem_read(const Warp& w) {
  if (!on_) return {};
  Agent& a = agent(w);
  return {a.tmem_dim, ++a.tmem_read};
}
Event Order::next_tmem_write(const Warp& w) {
  if (!on_) return {};
  Agent& a = agent(w);
  return {a.tmem_write_dim, ++a.tmem_write};
}
void Order::wait_tmem_reads(const Warp& w) {
  if (!on_) return;
  Agent& a = agent(w);
  a.known.seen.raise(a.tmem_dim, a.tmem_read);
}
void Order::wait_tmem_writes(const Warp& w) {
  if (!on_) return;
  Agent& a = agent(w);
  a.known.seen.raise(a.tmem_write_dim, a.tmem_write);
}
Event Order::open_bulk(const Warp& w) {
  if (!on_) return {};
  Agent& a = agent(w);
  return {a.bulk_dim, a.bulk + 1};
}
void Order::wait_bulk(const Warp& w, uint32_t still_open) {
  if (!on_) return;
  Agent& a = agent(w);
  if (a.bulk > still_open) a.known.seen.raise(a.bulk_dim, a.bulk - still_open);
}
void Order::know(const Warp& w, Event e) {
  if (on_ && e.dim) agent(w).known.seen.raise(e.dim, e.count);
}

}  // namespace sim
