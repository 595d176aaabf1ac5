#include "cluster_barrier.h"

#include <algorithm>
#include <cstring>

namespace sim {

namespace {
uint32_t of(const Dim3& d, unsigned k) { return k == 0 ? d.x : k == 1 ? d.y : d.z; }
}  // namespace

uint32_t Cta::shared_bytes() const {
  return SHARED_RESERVED + launch->program->static_shared + launch->config.dynamic_shared;
}

bool Cta::done() const {
  for (const WarpState& s : warps)
    if (!s.paths.empty()) return false;
  return true;
}

void Cta::start(Launch& l, Cluster& in, const Dim3& ctaid, uint32_t cluster_rank) {
  launch = &l, cluster = &in;
  const Program& p = *l.program;
  id = ctaid, rank = cluster_rank;
  shared.assign(shared_bytes() + 64, 0xcd);
  shared_shadow.assign(shared_bytes() / 8 + 9, 0);
  tmem.reset(), maps_acquired.clear();
  saw_no_cluster = false;
  for (Barrier& b : barriers) b = {};
  std::fill(std::begin(recent), std::end(recent), nullptr);
  uint64_t threads = l.config.block.count();
  warps.resize((threads + LANES - 1) / LANES);
  asked_registers.assign(warps.size(), 0);
  for (size_t k = 0; k < warps.size(); ++k) {
    WarpState& s = warps[k];
    s.program = &p;
    s.registers.assign(p.register_bytes + 64, 0xcd);
    s.local.assign(size_t(p.local_bytes) * LANES + 64, 0xcd);
    s.local_shadow.assign(size_t(p.local_bytes) * LANES / 8 + 9, 0);
    s.stack.fill(p.stack_base);
    s.params = l.params.data();
    s.w.bank[0] = reinterpret_cast<uint8_t*>((uintptr_t(s.registers.data()) + 63) & ~uintptr_t(63));
    s.w.bank[1] = const_cast<uint8_t*>(p.constants.data());
    s.w.cta = this, s.w.state = &s, s.w.index = uint32_t(k), s.w.carry = 0, s.w.copies.reset(), s.w.wgmma.reset();
    s.w.bulk.reset();
    uint64_t lanes = std::min<uint64_t>(LANES, threads - k * LANES);
    s.start(lanes == LANES ? ALL : (1u << lanes) - 1, p.code.data());
    fill_inits(s);
  }
}

void Cta::fill_inits(WarpState& s) {
  const Dim3& b = launch->config.block;
  for (const Init& i : s.program->inits) {
    uint32_t v[LANES];
    uint64_t same = 0;
    bool lanes_differ = true;
    for (unsigned l = 0; l < LANES; ++l) {
      uint32_t t = s.w.index * LANES + l, bit = 1u << l;
      switch (i.kind) {
        case Init::tid_x: v[l] = b.x >= launch->config.block.count() ? t : t % b.x; break;
        case Init::tid_y: v[l] = t / b.x % b.y; break;
        case Init::tid_z: v[l] = t / b.x / b.y; break;
        case Init::laneid: v[l] = l; break;
        case Init::lanemask_eq: v[l] = bit; break;
        case Init::lanemask_le: v[l] = bit | (bit - 1); break;
        case Init::lanemask_lt: v[l] = bit - 1; break;
        case Init::lanemask_ge: v[l] = 0 - bit; break;
        case Init::lanemask_gt: v[l] = (0 - bit) & ~bit; break;
        default: lanes_differ = false;
      }
      if (!lanes_differ) {
        same = value_of(i, s.w.index);
        break;
      }
    }
    if (lanes_differ) {
      std::memcpy(s.w.slot<uint32_t>(i.slot), v, sizeof v);
    } else if (i.kind == Init::is_explicit_cluster) {  // the one predicate among them
      *s.w.slot<uint32_t>(i.slot) = same ? ALL : 0;
    } else if (i.wide) {
      std::fill_n(s.w.slot<uint64_t>(i.slot), LANES, same);
    } else {
      std::fill_n(s.w.slot<uint32_t>(i.slot), LANES, uint32_t(same));
    }
  }
}

// Special registers that are one value for the whole warp.
uint64_t Cta::value_of(const Init& i, uint32_t warp) const {
  const LaunchConfig& c = launch->config;
  const Dim3 &b = c.block, &g = c.grid, &k = c.cluster;
  Dim3 in_cluster{id.x % k.x, id.y % k.y, id.z % k.z}, cluster{id.x / k.x, id.y / k.y, id.z / k.z};
  Dim3 clusters{g.x / k.x, g.y / k.y, g.z / k.z};
  const Program& p = *launch->program;
  auto axis = [&](Init::Kind first) { return unsigned(i.kind - first); };
  switch (i.kind) {
    case Init::ntid_x:
    case Init::ntid_y:
    case Init::ntid_z: return of(b, axis(Init::ntid_x));
    case Init::ctaid_x:
    case Init::ctaid_y:
    case Init::ctaid_z: return of(id, axis(Init::ctaid_x));
    case Init::nctaid_x:
    case Init::nctaid_y:
    case Init::nctaid_z: return of(g, axis(Init::nctaid_x));
    case Init::warpid: return warp;
    case Init::nwarpid: return 64;
    case Init::smid: return (id.x + uint64_t(g.x) * (id.y + uint64_t(g.y) * id.z)) % 148;
    case Init::nsmid: return 148;
    case Init::gridid: return launch->grid_id;
    case Init::clusterid_x:
    case Init::clusterid_y:
    case Init::clusterid_z: return of(cluster, axis(Init::clusterid_x));
    case Init::nclusterid_x:
    case Init::nclusterid_y:
    case Init::nclusterid_z: return of(clusters, axis(Init::nclusterid_x));
    case Init::cluster_ctaid_x:
    case Init::cluster_ctaid_y:
    case Init::cluster_ctaid_z: return of(in_cluster, axis(Init::cluster_ctaid_x));
    case Init::cluster_nctaid_x:
    case Init::cluster_nctaid_y:
    case Init::cluster_nctaid_z: return of(k, axis(Init::cluster_nctaid_x));
    case Init::cluster_ctarank: return rank;
    case Init::cluster_nctarank: return k.count();
    case Init::is_explicit_cluster: return c.explicit_cluster;
    case Init::total_smem_size: return SHARED_RESERVED + p.static_shared + c.dynamic_shared;
    case Init::dynamic_smem_size: return c.dynamic_shared;
    case Init::aggr_smem_size: return p.static_shared + c.dynamic_shared;
    case Init::shared_address: return shared_base() + i.value;
    default: return 0;
  }
}

bool Cta::complete(const Barrier& b) const {
  uint64_t threads = 0;
  for (size_t k = 0; k < warps.size(); ++k) {
    uint32_t live = warps[k].live, here = b.arrived[k];
    if (b.count == 0) {
      if (live & ~here) return false;
    } else if (here) {
      // A warp counts whole once its threads that still run are here (PTX: the count is a multiple of the
      // warp size).
      threads += live & ~here ? unsigned(__builtin_popcount(here)) : LANES;
    }
  }
  return b.count == 0 || threads >= b.count;
}

// bar and .aligned say that all threads of a warp execute the same instruction (PTX 9.1 #parallel-synchronization-and-
// communication-instructions-bar). Lanes that wait apart are waited for all the same.
void Cta::check_aligned(unsigned id, const WarpState& s) {
  const Path* first = nullptr;
  for (const Path& p : s.paths) {
    if (p.state != Path::waiting || p.barrier != int(id)) continue;
    if (first && first->ip != p.ip) {
      const ptx::Instruction &a = *first->ip->info->text, &b = *p.ip->info->text;
      if (a.op.tokens[0] != "bar" && !a.op.has("aligned") && b.op.tokens[0] != "bar" && !b.op.has("aligned")) return;
      return launch->lint("lanes of a warp wait at different instructions of barrier " + std::to_string(id) + ", " + a.op.text +
                          " at PTX line " + std::to_string(a.line) + " and " + b.op.text + " at PTX line " +
                          std::to_string(b.line) + ": an aligned one expects the whole warp at one");
    }
    first = &p;
  }
}

void Cta::wake(unsigned id) {
  Barrier& b = barriers[id];
  ++cluster->stirred;
  for (WarpState& s : warps) {
    if (s.paths.size() > 1) check_aligned(id, s);
    for (Path& p : s.paths)
      if (p.state == Path::waiting && p.barrier == int(id)) {
        p.state = Path::ready, p.barrier = -1;
        cluster->order.acquire(s.w, b.sync);
        if (!b.count) cluster->order.acquire_exits(s.w, false);
        p.token = 1 + (uint64_t(b.ones) | uint64_t(b.voters) << 32);
      }
  }
  b = {};
}

void Cta::arrive(unsigned id, unsigned index, uint32_t lanes, uint32_t count, uint32_t ones) {
  Barrier& b = barriers[id];
  if (!b.busy) {
    b.arrived.assign(warps.size(), 0);
    b.busy = true, b.count = count;
  }
  b.arrived[index] |= lanes;
  cluster->order.release(warps[index].w, b.sync);
  b.ones += ones, b.voters += uint32_t(__builtin_popcount(lanes));
  if (complete(b)) wake(id);
}

void Cta::exited() {
  for (unsigned id = 0; id < 16; ++id)
    if (barriers[id].busy && complete(barriers[id])) wake(id);
  cluster->barrier->exited();
  check_tmem_released(*this);
}

}  // namespace sim
