// One access on its way through the granules it touches.
#pragma once
#include "cluster.h"
#include "program.h"

namespace sim {

struct Order::Pass {
  const Order& order;
  Warp& w;
  const Instr& in;
  unsigned lane;
  Cta& where;
  const Agent& a;
  Granule* granules;
  Access mine;
  bool write, tensor_memory;
  // the event looked up last: neighbours mostly have the same
  mutable uint16_t dim = 0, fenced_dim = 0;
  mutable uint32_t upto = 0, fenced_upto = 0;

  Pass(const Order& o, Warp& warp, const Instr& instr, unsigned l, Cta& c, const Agent& agent, Granule* g, Event e,
       bool writes, bool sync)
      : order(o), w(warp), in(instr), lane(l), where(c), a(agent), granules(g), write(writes) {
    tensor_memory = !o.tmem_[c.rank].empty() && g == o.tmem_[c.rank].data();
    mine.count = e.count, mine.dim = e.dim;
    mine.by = uint32_t(&instr - warp.state->program->code.data()) | (sync ? SYNC : 0);
  }
  // Happened before, to the warp: its own, or what it has learned of.
  bool knows(const Access& e) const {
    if (e.dim == a.dim) return true;
    if (e.dim != dim) dim = e.dim, upto = a.known.seen.at(e.dim);
    return e.count <= upto;
  }
  bool fenced(const Access& e) const {
    if (e.dim != fenced_dim) fenced_dim = e.dim, fenced_upto = a.known.fenced.at(e.dim);
    return e.count <= fenced_upto;
  }
};

}  // namespace sim
