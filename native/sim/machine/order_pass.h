// One access on its way through the granules it touches.
#pragma once
#include <algorithm>

#include "cluster.h"
#include "program.h"

namespace sim {

inline constexpr unsigned GRANULE = 16;
inline uint16_t bytes_mask(uint32_t from, uint32_t to) {  // of a granule, [from, to)
  return uint16_t((0xffffu << from) & (0xffffu >> (16 - to)));
}
inline std::string at_offset(uint32_t offset) {
  char s[32];
  std::snprintf(s, sizeof s, "offset %u (0x%x)", offset, offset);
  return s;
}

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

template <class F>
bool Order::any_in_crowd(Granule& g, F f) {
  if (g.crowd)
    for (Also& k : crowds_[g.crowd - 1])
      if (f(k)) return true;
  return false;
}

// races(from, to, the write, what is missing): of bytes that the async proxy reads for the warp.
template <class F>
void Order::one_async_read(Pass& p, uint32_t offset, uint32_t bytes, F races) {
  for (uint32_t at = offset, end = offset + bytes; at < end;) {
    const uint32_t g = at / GRANULE, stop = std::min(end, (g + 1) * GRANULE);
    p.mine.mask = bytes_mask(at % GRANULE, stop - g * GRANULE);
    Granule& x = p.granules[g];
    auto against = [&](const Access& e) {
      if (!(e.mask & p.mine.mask)) return;
      if (!p.knows(e)) return races(at, stop, e, nullptr);
      // what the warps wrote, and cp.async for them, the async proxy sees behind a proxy fence
      if ((kinds_[e.dim] == warp || kinds_[e.dim] == copy) && !p.fenced(e))
        races(at, stop, e, "fence.proxy.async between the write and this read through the async proxy");
    };
    against(x.write);
    any_in_crowd(x, [&](Also& k) {
      if (k.writes) against(k.access);
      return false;
    });
    took_read(x, p.mine, p.knows(x.read));
    at = stop;
  }
}

}  // namespace sim
