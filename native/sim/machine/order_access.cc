// Each access held against those before it to the same bytes. Order keeps, for every granule, the last write and the
// last read; a second list keeps others that nothing orders with these: several warps that read one tile, or that
// write neighbouring words.
#include <cstring>

#include "order_pass.h"

namespace sim {

namespace {
constexpr unsigned HALVES = 8, COLUMNS = 512;

std::string at_column(uint32_t half, uint32_t column) {
  return "lane " + std::to_string(half * 16) + " column " + std::to_string(column);
}
}  // namespace

Order::Granule* Order::granules(Cta& c) {
  auto& g = shared_[c.rank];
  if (g.empty()) g.resize((c.shared_bytes() + GRANULE - 1) / GRANULE);
  return g.data();
}
Order::Granule* Order::columns(Cta& c) {
  auto& g = tmem_[c.rank];
  if (g.empty()) g.resize(HALVES * COLUMNS);
  return g.data();
}

// ---- the side list
void Order::join_crowd(Granule& g, const Access& a, bool writes) {
  if (!g.crowd) {
    if (free_crowds_.empty())
      crowds_.emplace_back(), g.crowd = uint32_t(crowds_.size());
    else
      g.crowd = free_crowds_.back(), free_crowds_.pop_back();
  }
  auto& list = crowds_[g.crowd - 1];
  for (Also& k : list)
    if (k.access.dim == a.dim && k.writes == writes) {
      if (k.access.count == a.count)
        k.access.mask |= a.mask, k.access.by = a.by;
      else
        k.access = a;
      return;
    }
  list.push_back({a, writes});
}
void Order::clear_crowd(Granule& g, uint16_t mask) {
  if (!g.crowd) return;
  auto& list = crowds_[g.crowd - 1];
  for (Also& k : list) k.access.mask &= uint16_t(~mask);
  std::erase_if(list, [](const Also& k) { return !k.access.mask; });
  if (!list.empty()) return;
  free_crowds_.push_back(g.crowd);
  g.crowd = 0;
}

// A read is kept so that a later write can be held against it. One that happened before mine needs no place: who
// comes after mine comes after it.
void Order::took_read(Granule& g, const Access& mine, bool knows_other) {
  Access& r = g.read;
  if (r.dim == mine.dim && r.mask) {
    if (r.count == mine.count)
      r.mask |= mine.mask, r.by = mine.by;
    else
      r = mine;
  } else if (!r.mask || knows_other) {
    r = mine;
  } else {
    join_crowd(g, mine, false);
  }
}
void Order::took_write(Granule& g, const Access& mine, bool knows_other) {
  Access& x = g.write;
  if (x.dim == mine.dim && x.count == mine.count && x.mask) {
    x.mask |= mine.mask, x.by = mine.by;
  } else {
    // bytes beside mine that a warp wrote which nothing orders before me
    if (x.mask & ~mine.mask && x.dim != mine.dim && !knows_other) {
      Access rest = x;
      rest.mask &= uint16_t(~mine.mask);
      join_crowd(g, rest, true);
    }
    x = mine;
  }
  g.read.mask &= uint16_t(~mine.mask);
}

// ---- by the warp itself
void Order::one_generic(Pass& p, uint32_t offset, uint32_t bytes) {
  const bool sync = p.mine.by & SYNC;
  for (uint32_t at = offset, end = offset + bytes; at < end;) {
    const uint32_t g = at / GRANULE, stop = std::min(end, (g + 1) * GRANULE);
    p.mine.mask = bytes_mask(at % GRANULE, stop - g * GRANULE);
    Granule& x = p.granules[g];
    auto against = [&](const Access& e, bool other_writes) {
      if (!(e.mask & p.mine.mask) || p.knows(e) || (sync && (e.by & SYNC))) return;
      if (p.write && other_writes && kinds_[e.dim] == warp) {
        Suspect s{&p.w, &p.in, p.lane, &p.where, at, stop - at, {}, e};
        std::memcpy(s.before, p.where.shared.data() + at, s.bytes);
        suspects_.push_back(s);
        return;
      }
      if (p.write && !other_writes && left_to_its_results(e, at, stop)) return;
      conflict(p, at_offset(at), p.write, e, other_writes);
    };
    against(x.write, true);
    if (p.write) against(x.read, false);
    if (x.crowd) {
      any_in_crowd(x, [&](Also& k) {
        if (p.write || k.writes) against(k.access, k.writes);
        return false;
      });
      if (p.write) clear_crowd(x, p.mine.mask);
    }
    if (p.write)
      took_write(x, p.mine, p.knows(x.write));
    else
      took_read(x, p.mine, p.knows(x.read));
    at = stop;
  }
  if (!races_.empty()) judge_races(p);
}

void Order::generic(Warp& w, const Instr& in, unsigned lane, Cta& where, uint32_t offset, uint32_t bytes, bool write,
                    bool sync) {
  if (!on_) return;
  if (!suspects_.empty() && suspects_.back().instr != &in) settle();
  Agent& a = agent(w);
  Pass p(*this, w, in, lane, where, a, granules(where), Event{a.dim, a.now}, write, sync);
  one_generic(p, offset, bytes);
}
void Order::generic(Warp& w, const Instr& in, uint32_t lanes, Cta& where, const uint64_t* addresses, uint32_t bytes,
                    bool write, bool sync) {
  if (!on_) return;
  if (!suspects_.empty() && suspects_.back().instr != &in) settle();
  Agent& a = agent(w);
  Pass p(*this, w, in, 0, where, a, granules(where), Event{a.dim, a.now}, write, sync);
  for (; lanes; lanes &= lanes - 1) {
    p.lane = unsigned(__builtin_ctz(lanes));
    one_generic(p, uint32_t(addresses[p.lane] & 0xffffff), bytes);
  }
}

void Order::settle() {
  std::vector<Suspect> all;
  all.swap(suspects_);
  for (const Suspect& s : all)
    if (std::memcmp(s.before, s.where->shared.data() + s.offset, s.bytes)) {
      Agent& a = agent(*s.warp);
      Pass p(*this, *s.warp, *s.instr, s.lane, *s.where, a, granules(*s.where), Event{a.dim, a.now}, true, false);
      conflict(p, at_offset(s.offset), true, s.other, true);
    }
}

// ---- by asynchronous operations
void Order::async_read(Warp& w, const Instr& in, unsigned lane, Cta& where, uint32_t offset, uint32_t bytes,
                       Event done) {
  if (!on_) return;
  Pass p(*this, w, in, lane, where, agent(w), granules(where), done, false, false);
  one_async_read(p, offset, bytes, [&](uint32_t from, uint32_t, const Access& e, const char* missing) {
    conflict(p, at_offset(from), false, e, true, missing);
  });
}

void Order::async_write(Warp& w, const Instr& in, unsigned lane, Cta& where, uint32_t offset, uint32_t bytes,
                        Event done, bool reduces) {
  if (!on_) return;
  Pass p(*this, w, in, lane, where, agent(w), granules(where), done, true, reduces);
  for (uint32_t at = offset, end = offset + bytes; at < end;) {
    const uint32_t g = at / GRANULE, stop = std::min(end, (g + 1) * GRANULE);
    p.mine.mask = bytes_mask(at % GRANULE, stop - g * GRANULE);
    Granule& x = p.granules[g];
    auto against = [&](const Access& e, bool other_writes) {
      if (!(e.mask & p.mine.mask) || p.knows(e) || (reduces && (e.by & SYNC))) return;
      if (other_writes)
        blame_read_between(x, e);
      else if (left_to_its_results(e, at, stop))
        return;
      conflict(p, at_offset(at), true, e, other_writes);
    };
    against(x.write, true), against(x.read, false);
    any_in_crowd(x, [&](Also& k) {
      against(k.access, k.writes);
      return false;
    });
    clear_crowd(x, p.mine.mask);
    took_write(x, p.mine, p.knows(x.write));
    at = stop;
  }
  if (!races_.empty()) judge_races(p);
}

// The tensor core's own operations of one warp are a pipeline: in order among themselves, and behind fences with those
// of another warp (PTX 9.1 #tcgen05-memory-consistency-model-pipelined-instructions; that a tcgen05.cp does not
// overtake an earlier mma is not in that list, but every kernel with block scaling relies on it).
void Order::tmem(Warp& w, const Instr& in, unsigned lane, Cta& where, uint32_t halves, uint32_t column, uint32_t n,
                 bool write, Event done) {
  if (!on_) return;
  Pass p(*this, w, in, lane, where, agent(w), columns(where), done, write, false);
  p.mine.mask = 0xffff;
  const bool pipelined = kinds_[done.dim] == tensor;
  for (uint32_t h = halves; h; h &= h - 1) {
    const uint32_t half = uint32_t(__builtin_ctz(h));
    for (uint32_t c = column; c < column + n; ++c) {
      Granule& x = p.granules[half * COLUMNS + c];
      auto fine = [&](const Access& e, bool other_writes) {
        if (!e.mask || p.knows(e)) return true;
        if (e.dim == done.dim) return pipelined || other_writes;
        return pipelined && kinds_[e.dim] == tensor && p.a.known.piped.at(e.dim) >= e.count;
      };
      auto against = [&](const Access& e, bool other_writes) {
        if (fine(e, other_writes)) return;
        const bool tensors = pipelined && kinds_[e.dim] == tensor;
        const char* missing = nullptr;
        if (tensors && p.a.piped_by_sync.at(e.dim) >= e.count)
          missing = "tcgen05.fence::after_thread_sync behind the barrier";
        conflict(p, at_column(half, c), write, e, other_writes, missing);
      };
      against(x.write, true);
      if (write) against(x.read, false);
      if (x.crowd) {
        any_in_crowd(x, [&](Also& k) {
          if (write || k.writes) against(k.access, k.writes);
          return false;
        });
        if (write) clear_crowd(x, 0xffff);
      }
      if (write)
        took_write(x, p.mine, true);
      else
        took_read(x, p.mine, fine(x.read, true));
    }
  }
}

void Order::release_columns(Warp& w, const Instr& in, Cta& where, uint32_t column, uint32_t n) {
  if (!on_) return;
  Agent& a = agent(w);
  Pass p(*this, w, in, 0, where, a, columns(where), Event{a.dim, a.now}, true, false);
  cluster_->results.overwritten(where, 0xff, column, n);
  for (uint32_t half = 0; half < HALVES; ++half)
    for (uint32_t c = column; c < column + n; ++c) {
      Granule& x = p.granules[half * COLUMNS + c];
      auto against = [&](const Access& e, bool other_writes) {
        if (e.mask && !p.knows(e)) conflict(p, at_column(half, c), true, e, other_writes);
      };
      against(x.write, true), against(x.read, false);
      any_in_crowd(x, [&](Also& k) {
        against(k.access, k.writes);
        return false;
      });
      clear_crowd(x, 0xffff);
      x = {};
    }
}

void Order::cta_exit(Warp& w, const Instr& in) {
  const uint32_t rank = w.cta->rank;
  if (!on_ || exited_.size() < 2) return;
  const Clock& seen = exited_[rank].seen;
  for (size_t g = 0; g < shared_[rank].size(); ++g) {
    Granule& x = shared_[rank][g];
    auto against = [&](const Access& e, bool writes) {
      if (!e.mask || kinds_[e.dim] == phase || seen.at(e.dim) >= e.count) return;  // an mbarrier's bytes are awaited by count
      if ((e.dim - 1u) / Agent::DIMS / warps_ == rank) return;
      trap(w, in, unsigned(__builtin_ctz(w.exec)), Trap::race,
           "the last warp of CTA rank " + std::to_string(rank) + " exits, whose shared memory at " +
               at_offset(uint32_t(g) * GRANULE + unsigned(__builtin_ctz(e.mask))) + " " + whom(e, w) +
               (writes ? " writes (" : " reads (") + line_of(w, e) +
               "), and nothing orders the two: missing a barrier between the two (barrier.cluster or an mbarrier), so that it exits later");
    };
    against(x.write, true), against(x.read, false);
    any_in_crowd(x, [&](Also& k) {
      against(k.access, k.writes);
      return false;
    });
  }
}

}  // namespace sim
