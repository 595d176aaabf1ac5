#include "order.h"

#include <algorithm>
#include <cstring>

#include "cluster.h"
#include "program.h"

namespace sim {

namespace {
constexpr unsigned GRANULE = 16, HALVES = 8, COLUMNS = 512;

uint16_t bytes_mask(uint32_t from, uint32_t to) {  // of a granule, [from, to)
  return uint16_t((0xffffu << from) & (0xffffu >> (16 - to)));
}
}  // namespace

void Order::start(bool on, uint32_t ctas, uint32_t warps_a_cta) {
  on_ = on, warps_ = warps_a_cta;
  agents_.clear(), names_.clear(), kinds_.clear(), suspects_.clear();
  shared_.clear(), tmem_.clear();
  shared_.resize(ctas), tmem_.resize(ctas);
  if (!on) return;
  new_dim("");  // dimension 0 is nobody
  auto add = [&](Kind kind) {
    names_.emplace_back(), kinds_.push_back(kind);
    return uint16_t(names_.size() - 1);
  };
  for (uint32_t k = 0; k < ctas * warps_a_cta; ++k) {
    Agent a;
    a.dim = add(warp), a.tensor_dim = add(tensor), a.tmem_dim = add(tmem_read), a.tmem_write_dim = add(tmem_write);
    a.bulk_dim = add(bulk);
    agents_.push_back(std::move(a));
  }
}

Agent& Order::agent(const Warp& w) { return agents_[w.cta->rank * warps_ + w.index]; }

uint16_t Order::new_dim(std::string name) {
  names_.push_back(std::move(name)), kinds_.push_back(phase);
  return uint16_t(names_.size() - 1);
}

uint16_t Order::copies_dim(const Warp& w) {
  if (!on_) return 0;
  Agent& a = agent(w);
  if (!a.copies_dim) {
    a.copies_dim = new_dim("warp " + std::to_string(w.index));
    kinds_[a.copies_dim] = copies;
  }
  return a.copies_dim;
}

void Order::release(const Warp& w, Sync& into) {
  if (!on_) return;
  if (!suspects_.empty()) settle();
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
  if (!suspects_.empty()) settle();
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
void Order::tcgen05_fence_before(const Warp& w) {
  if (!on_) return;
  Agent& a = agent(w);
  a.known.piped.raise(a.tensor_dim, a.tensor);
  a.known.piped.raise(a.tmem_dim, a.tmem_read), a.known.piped.raise(a.tmem_write_dim, a.tmem_write);
}
void Order::tcgen05_fence_after(const Warp& w) {
  if (!on_) return;
  Agent& a = agent(w);
  a.known.piped.join(a.piped_by_sync);
}

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

// A read is kept so that a later write can be held against it. One that happened before mine needs no place: who
// comes after mine comes after it. With more concurrent readers than places the last ones stand for all.
void Order::take_read(Granule& g, const Agent& a, const Access& mine) const {
  for (Access& r : g.read)
    if (r.mask && r.dim == mine.dim) {
      if (r.count == mine.count)
        r.mask |= mine.mask, r.by = mine.by;
      else
        r = mine;
      return;
    }
  for (Access& r : g.read)
    if (!r.mask || knows(a, r)) {
      r = mine;
      return;
    }
  g.read[1] = mine;
}

std::string Order::line_of(const Warp& w, const Access& e) const {
  const Program& p = *w.state->program;
  const auto* text = p.code[e.by & ~SYNC].info->text;
  return text ? text->op.text + " at PTX line " + std::to_string(text->line) : "an instruction";
}

void Order::conflict(Warp& w, const Instr& in, unsigned lane, Cta& where, const char* memory, const std::string& place,
                     bool write, const Access& other, bool other_writes, const char* hint) {
  std::string who;
  uint32_t index = (other.dim - 1u) / 5;
  if (kinds_[other.dim] == phase)
    who = std::string("an asynchronous copy") + " that completes on " + names_[other.dim];
  else if (kinds_[other.dim] == copies)
    who = "a cp.async of " + names_[other.dim];
  else
    who = "warp " + std::to_string(index % warps_) +
          (agents_.size() > warps_ ? " of CTA rank " + std::to_string(index / warps_) : "");
  const char* kind = "";
  switch (kinds_[other.dim]) {
    case tensor: kind = "the tensor core, for "; break;
    case bulk: kind = "a bulk copy of "; break;
    default: break;
  }
  const char* missing = hint;
  if (!missing) switch (kinds_[other.dim]) {
      case warp: missing = "no barrier orders the two"; break;
      case tensor: missing = "no tcgen05.commit and wait on its mbarrier lies between"; break;
      case tmem_read: missing = "no tcgen05.wait::ld and barrier lies between"; break;
      case tmem_write: missing = "no tcgen05.wait::st and barrier lies between"; break;
      case bulk: missing = "no cp.async.bulk.wait_group of its thread lies between"; break;
      case copies: missing = "no cp.async.wait_group of its thread, or mbarrier that tracks it, lies between"; break;
      case phase: missing = "no wait for that phase of the mbarrier lies between"; break;
    }
  std::string what = std::string(write ? "write of " : "read of ") + memory + " " + place + " that " + kind + who +
                     (other_writes ? " writes" : " reads") + " (" + line_of(w, other) + "): " + missing;
  (void)where;
  trap(w, in, lane, Trap::race, what);
}

void Order::generic(Warp& w, const Instr& in, unsigned lane, Cta& where, uint32_t offset, uint32_t bytes, bool write,
                    bool sync) {
  if (!on_) return;
  if (!suspects_.empty()) settle();
  Granule* all = granules(where);
  Agent& a = agent(w);
  Access mine;
  mine.count = a.now, mine.dim = a.dim;
  mine.by = uint32_t(&in - w.state->program->code.data()) | (sync ? SYNC : 0);
  for (uint32_t at = offset, end = offset + bytes; at < end;) {
    uint32_t g = at / GRANULE, stop = std::min(end, (g + 1) * GRANULE);
    mine.mask = bytes_mask(at % GRANULE, stop - g * GRANULE);
    Granule& x = all[g];
    auto against = [&](const Access& e, bool other_writes) {
      if (!(e.mask & mine.mask) || knows(a, e) || (sync && (e.by & SYNC))) return;
      if (write && other_writes && kinds_[e.dim] == warp) {
        Suspect s{&w, &in, lane, &where, at, stop - at, {}, e};
        std::memcpy(s.before, where.shared.data() + at, s.bytes);
        suspects_.push_back(s);
        return;
      }
      conflict(w, in, lane, where, "shared memory", "at offset " + std::to_string(at), write, e, other_writes,
               nullptr);
    };
    against(x.write, true);
    if (write) {
      for (Access& r : x.read) {
        against(r, false);
        if (r.mask & mine.mask) r.mask = 0;
      }
      if (x.write.dim == mine.dim && x.write.count == mine.count)
        x.write.mask |= mine.mask, x.write.by = mine.by;
      else
        x.write = mine;
    } else {
      take_read(x, a, mine);
    }
    at = stop;
  }
}

void Order::settle() {
  std::vector<Suspect> all;
  all.swap(suspects_);
  for (const Suspect& s : all)
    if (std::memcmp(s.before, s.where->shared.data() + s.offset, s.bytes))
      conflict(*s.warp, *s.instr, s.lane, *s.where, "shared memory", "at offset " + std::to_string(s.offset), true,
               s.other, true, nullptr);
}

void Order::async_read(Warp& w, const Instr& in, unsigned lane, Cta& where, uint32_t offset, uint32_t bytes,
                       Event done) {
  if (!on_) return;
  Granule* all = granules(where);
  Agent& a = agent(w);
  Access mine{done.count, done.dim, 0, uint32_t(&in - w.state->program->code.data())};
  for (uint32_t at = offset, end = offset + bytes; at < end;) {
    uint32_t g = at / GRANULE, stop = std::min(end, (g + 1) * GRANULE);
    mine.mask = bytes_mask(at % GRANULE, stop - g * GRANULE);
    Granule& x = all[g];
    const Access& e = x.write;
    if ((e.mask & mine.mask) && e.dim != done.dim) {
      bool by_warp = kinds_[e.dim] == warp;
      const char* hint = nullptr;
      bool ok = knows(a, e);
      if (ok && by_warp && a.known.fenced.at(e.dim) < e.count)
        ok = false, hint = "no fence.proxy.async lies between the generic write and the asynchronous read";
      if (!ok)
        conflict(w, in, lane, where, "shared memory", "at offset " + std::to_string(at), false, e, true, hint);
    }
    take_read(x, a, mine);
    at = stop;
  }
}

void Order::async_write(Warp& w, const Instr& in, unsigned lane, Cta& where, uint32_t offset, uint32_t bytes,
                        Event done, bool sync) {
  if (!on_) return;
  Granule* all = granules(where);
  Agent& a = agent(w);
  Access mine{done.count, done.dim, 0,
              uint32_t(&in - w.state->program->code.data()) | (sync ? SYNC : 0)};
  for (uint32_t at = offset, end = offset + bytes; at < end;) {
    uint32_t g = at / GRANULE, stop = std::min(end, (g + 1) * GRANULE);
    mine.mask = bytes_mask(at % GRANULE, stop - g * GRANULE);
    Granule& x = all[g];
    auto against = [&](const Access& e, bool other_writes) {
      if (!(e.mask & mine.mask) || knows(a, e) || (sync && (e.by & SYNC))) return;
      conflict(w, in, lane, where, "shared memory", "at offset " + std::to_string(at), true, e, other_writes,
               nullptr);
    };
    against(x.write, true);
    for (Access& r : x.read) {
      against(r, false);
      if (r.mask & mine.mask) r.mask = 0;
    }
    if (x.write.dim == mine.dim && x.write.count == mine.count)
      x.write.mask |= mine.mask, x.write.by = mine.by;
    else
      x.write = mine;
    at = stop;
  }
}

// The tensor core's own operations of one warp are a pipeline: in order among themselves (PTX 9.1
// #tcgen05-memory-consistency-model-pipelined-instructions).
void Order::tmem(Warp& w, const Instr& in, unsigned lane, Cta& where, uint32_t halves, uint32_t column, uint32_t n,
                 bool write, Event done) {
  if (!on_) return;
  Granule* all = columns(where);
  Agent& a = agent(w);
  Access mine{done.count, done.dim, 0xffff, uint32_t(&in - w.state->program->code.data())};
  bool pipelined = kinds_[done.dim] == tensor;
  for (uint32_t h = halves; h; h &= h - 1) {
    uint32_t half = uint32_t(__builtin_ctz(h));
    Granule* row = all + half * COLUMNS;
    for (uint32_t c = column; c < column + n; ++c) {
      Granule& x = row[c];
      auto against = [&](const Access& e, bool other_writes) {
        if (!e.mask || (e.dim == done.dim && (pipelined || other_writes)) || knows(a, e)) return;
        if (a.known.piped.at(e.dim) >= e.count) return;
        const char* hint = nullptr;
        if (a.piped_by_sync.at(e.dim) >= e.count)
          hint = "no tcgen05.fence::after_thread_sync lies behind the barrier";
        conflict(w, in, lane, where, "tensor memory",
                 "lane " + std::to_string(half * 16) + " column " + std::to_string(c), write, e, other_writes, hint);
      };
      against(x.write, true);
      if (write) {
        for (Access& r : x.read) against(r, false), r.mask = 0;
        x.write = mine;
      } else {
        take_read(x, a, mine);
      }
    }
  }
}

void Order::release_columns(Warp& w, const Instr& in, Cta& where, uint32_t column, uint32_t n) {
  if (!on_) return;
  Granule* all = columns(where);
  Agent& a = agent(w);
  for (uint32_t half = 0; half < HALVES; ++half)
    for (uint32_t c = column; c < column + n; ++c) {
      Granule& x = all[half * COLUMNS + c];
      auto against = [&](const Access& e, bool other_writes) {
        if (!e.mask || knows(a, e)) return;
        conflict(w, in, 0, where, "tensor memory", "lane " + std::to_string(half * 16) + " column " + std::to_string(c),
                 true, e, other_writes, nullptr);
      };
      against(x.write, true);
      for (Access& r : x.read) against(r, false);
      x = {};
    }
}

}  // namespace sim
