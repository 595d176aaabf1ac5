#include "paths.h"

#include <algorithm>

#include "cluster.h"
#include "profile.h"

namespace sim {

void WarpState::start(uint32_t lanes, const Instr* entry) {
  paths.clear();
  joins.clear(), late.clear();
  yields = false;
  paths.push_back({Path::ready, entry, lanes, nullptr, nullptr});
  current = 0, live = exist = lanes, held_up = 0;
  undefined = {}, late_registers = {};
}

void WarpState::free_join(Join* j) {
  auto it = std::find_if(joins.begin(), joins.end(), [&](const auto& p) { return p.get() == j; });
  std::swap(*it, joins.back());
  joins.pop_back();
}

bool WarpState::select_ready() {
  for (size_t k = paths.size(); k-- > 0;)
    if (paths[k].state == Path::ready) {
      current = k;
      return true;
    }
  current = paths.size();
  return false;
}

void WarpState::rotate() {
  size_t n = paths.size();
  for (size_t k = 1; k < n; ++k) {
    size_t other = (current + n - k) % n;
    if (paths[other].state == Path::ready) {
      current = other;
      return;
    }
  }
}

void WarpState::drop_current() {
  paths.erase(paths.begin() + std::ptrdiff_t(current));
  current = paths.size();
}

void WarpState::split(uint32_t taken, const Instr* target, const Instr* join) {
  uint32_t other = path().mask & ~taken;
  if (!other) {
    w.next = target;
    return;
  }
  Path& p = path();
  if (join && !(p.join && p.join->at == join)) {
    joins.push_back(std::make_unique<Join>(Join{join, p.mask, 0, p.join, p.frame}));
    p.join = joins.back().get();
  }
  bool taken_meets = p.join && target == p.join->at, other_meets = p.join && w.next == p.join->at;
  if (taken_meets) {
    p.join->arrived |= taken;
    p.mask = other;
  } else if (other_meets) {
    p.join->arrived |= other;
    p.mask = taken;
    w.next = target;
  } else {
    p.mask = other;
    p.ip = w.next;
    Path side{Path::ready, target, taken, p.join, p.frame};
    paths.insert(paths.begin() + std::ptrdiff_t(current),
                 side);  // runs after this one: select_ready() takes the last
    ++current;
  }
}

void WarpState::fan(const std::vector<std::pair<const Instr*, uint32_t>>& groups, const Instr* join) {
  w.next = groups[0].first;
  if (groups.size() == 1) return;
  Path whole = path();
  if (join && !(whole.join && whole.join->at == join)) {
    joins.push_back(std::make_unique<Join>(Join{join, whole.mask, 0, whole.join, whole.frame}));
    whole.join = joins.back().get();
  }
  drop_current();
  for (const auto& [target, lanes] : groups) {
    if (whole.join && target == whole.join->at) {
      whole.join->arrived |= lanes;
      continue;
    }
    Path part = whole;
    part.mask = lanes, part.ip = w.next = target;
    paths.push_back(part);
    current = paths.size() - 1;
  }
}

void WarpState::meet(const Instr* at) {
  while (path().join && path().join->at == at) {
    Path& p = path();
    Join* j = p.join;
    j->arrived |= p.mask;
    if (j->arrived != j->expected) {
      drop_current();
      return;
    }
    p.mask = j->arrived;
    p.join = j->parent;
    free_join(j);
    held_up = 0;
  }
}

void WarpState::release(Join* j) {
  paths.insert(paths.begin(), Path{Path::ready, j->at, j->arrived, j->parent, j->frame});
  ++current;  // the same path, or still none
  held_up = 0;
}

void WarpState::exit(uint32_t lanes) {
  live &= ~lanes;
  path().mask &= ~lanes;
  for (Path& p : paths)  // who gathers lanes looks again whether all that are left have come
    if (p.state == Path::gathering) p.state = Path::ready;
  for (Join* j = path().join; j;) {  // innermost first: a complete join has no unfinished one below it
    Join* parent = j->parent;
    j->expected &= ~lanes;
    if (j->arrived == j->expected) {
      if (j->arrived) release(j);
      free_join(j);
    }
    j = parent;
  }
  if (!path().mask) drop_current();
}

bool WarpState::break_joins() {
  bool any = false;
  for (const auto& j : joins) {
    if (!j->arrived) continue;
    release(j.get());
    j->expected &= ~j->arrived;
    j->arrived = 0;
    any = true;
  }
  return any;
}

void WarpState::park(Path::State state, const Instr* at, int barrier, const Waitable* on) {
  Path& p = path();
  p.state = state, p.ip = at, p.barrier = barrier, p.on = on;
  current = paths.size();
}

void WarpState::leave_behind(uint32_t on, const Instr* next) {
  uint32_t off = path().mask & ~on;
  if (!off) return;
  Path part = path();
  part.mask = off, part.ip = next;
  path().mask = on;
  paths.insert(paths.begin(), part);
  ++current;
}

void guarded(Warp& w, const Instr& in) {
  const InstrInfo& info = *in.info;
  uint32_t all = w.exec, p = *w.slot<uint32_t>(info.guard);
  uint32_t on = all & (info.guard_negated ? ~p : p);
  if (!on) return;
  w.exec = on;
  info.behind_guard(w, in);
  w.exec = all;
}

namespace {

void run_gathered(Warp& w, const Instr& in, uint32_t lanes) {
  w.exec = lanes;
  in.info->own(w, in);
}

// Some lanes are not here yet, or lanes name different masks: run each group that is complete, park the rest.
void gather_slowly(Warp& w, const Instr& in, const uint32_t* masks) {
  WarpState& s = *w.state;
  const Instr* next = &in + 1;
  uint32_t mine = w.exec, here = mine;
  for (const Path& p : s.paths)
    if (p.state == Path::gathering && p.ip == &in) here |= p.mask;
  uint32_t done = 0;
  for (uint32_t left = mine; left;) {
    unsigned lane = unsigned(__builtin_ctz(left));
    uint32_t need = masks ? masks[lane] : ALL, group = 0;
    for (uint32_t m = here; m; m &= m - 1) {
      unsigned l = unsigned(__builtin_ctz(m));
      if ((masks ? masks[l] : ALL) == need) group |= 1u << l;
    }
    if (!(need >> lane & 1))
      trap(w, in, lane, Trap::illegal_instruction, "the lane is not in the member mask it names");
    if (!(need & s.live & ~group)) {
      run_gathered(w, in, group);
      if (!s.running()) return;  // it waits for something, with this path; the other lanes stay gathered
      done |= group;
    }
    left &= ~group;
  }
  // Who is done goes on, who is not waits here; a path of both kinds becomes two.
  Path& current = s.path();
  uint32_t off = current.mask & ~mine;  // lanes the guard turned off go on as well
  uint32_t on = done & mine, rest = mine & ~done;
  size_t index = s.current;
  for (size_t k = 0; k < s.paths.size(); ++k) {
    Path& p = s.paths[k];
    if (k == index || p.state != Path::gathering || p.ip != &in || !(p.mask & done)) continue;
    if ((p.mask & ~done) == 0) {
      p.state = Path::ready, p.ip = next;
    } else {
      Path part = p;
      part.mask = p.mask & done, part.state = Path::ready, part.ip = next;
      p.mask &= ~done;
      s.paths.push_back(part);
    }
  }
  if (!rest) {
    w.exec = mine;
    return;
  }
  if (uint32_t go = on | off) {
    Path part = s.paths[index];
    part.mask = go, part.state = Path::ready, part.ip = next;
    s.paths[index].mask = rest;
    s.paths.push_back(part);
  }
  s.current = index;
  s.park(Path::gathering, &in);
}

}  // namespace

void gathered(Warp& w, const Instr& in) {
  const InstrInfo& info = *in.info;
  uint32_t live = w.state->live;
  if (info.member_mask < 0) {
    if (!(live & ~w.exec)) return info.own(w, in);
    if (uint32_t off = w.state->path().mask & ~w.exec)  // by its guard: these lanes will not come
      trap(w, in, unsigned(__builtin_ctz(off)), Trap::illegal_instruction,
           info.text->op.text + " is for all lanes of a warp together, found only some of them on");
    return gather_slowly(w, in, nullptr);
  }
  const uint32_t* masks = w.op_any<uint32_t>(in, unsigned(info.member_mask));
  uint32_t first = masks[__builtin_ctz(w.exec)], differ = 0;
  for (unsigned l = 0; l < LANES; ++l) differ |= (masks[l] ^ first) & (0u - (w.exec >> l & 1));
  if (!differ && !(first & live & ~w.exec) && !(w.exec & ~first)) return info.own(w, in);
  gather_slowly(w, in, masks);
}

bool run(WarpState& s, uint64_t runs) {
  if (!s.running() && !s.select_ready()) return false;
  Warp& w = s.w;
  const Instr* code = s.program->code.data();
  const uint32_t* lengths = s.program->run.data();
  const uint32_t* counted = s.program->counted.data();
  Counters* counters = w.cta->cluster->counters;
  while (runs--) {
    const Path& p = s.paths[s.current];
    const Instr* ip = p.ip;
    size_t at = size_t(ip - code);
    const Instr* end = ip + lengths[at];
    w.exec = p.mask;
    w.next = end;
    s.warp_instructions += counted[at];
    s.thread_instructions += uint64_t(counted[at]) * unsigned(__builtin_popcount(p.mask));
    if (s.undefined.any()) {
      run_carefully(s, ip, end);
    } else {
      try {
        if (counters) [[unlikely]] counters->ran(at, p.mask);
    for (; ip != end; ++ip) ip->fn(w, *ip);
      } catch (const Undefined::Found& found) {
        w.exec = p.mask;
        run_carefully(s, found.at, end);
      }
    }
    if (s.running())
      s.paths[s.current].ip = w.next;
    else if (!s.select_ready())
      return true;
    if (s.yields) return true;
  }
  return true;
}

}  // namespace sim
