// PTX ISA 9.7.13.1-2 barriers of a CTA and of a warp.
#include "../machine/cta.h"
#include "../machine/cluster.h"
#include "../machine/lane.h"
#include "../machine/profile.h"
#include "chapters.h"

namespace sim::barrier_chapter {
namespace {

enum Kind : uint64_t { SYNC, ARRIVE, POPC, AND, OR };
constexpr uint64_t HAS_COUNT = 8;

uint32_t uniform(Warp& w, const Instr& in, unsigned k, const char* what) {
  const uint32_t* v = w.op<uint32_t>(in, k);
  uint32_t first = v[__builtin_ctz(w.exec)];
  for (uint32_t m = w.exec; m; m &= m - 1)
    if (v[__builtin_ctz(m)] != first)
      trap(w, in, unsigned(__builtin_ctz(m)),
           std::string("the lanes of a warp name different ") + what + " of a barrier");
  return first;
}

// bar.sync a{, b} · bar.arrive a, b · bar.red.popc d, a{, b}, p. A lane that has to wait parks, and the
// instruction runs again for it once the barrier is complete; Path::token then holds 1 + votes.
void barrier(Warp& w, const Instr& in) {
  WarpState& s = *w.state;
  uint64_t kind = in.aux & 7;
  bool counted = in.aux & HAS_COUNT, red = kind >= POPC;
  unsigned first = red ? 1 : 0;
  if (uint64_t token = s.path().token) {
    s.path().token = 0;
    if (!red) return;
    uint32_t ones = uint32_t(token - 1), voters = uint32_t((token - 1) >> 32);
    if (kind == POPC) {
      uint32_t* d = w.op<uint32_t>(in, 0);
      for (uint32_t m = w.exec; m; m &= m - 1) d[__builtin_ctz(m)] = ones;
    } else {
      write_pred(w, w.pred(in, 0), (kind == AND ? ones == voters : ones != 0) ? ALL : 0);
    }
    return;
  }
  uint32_t id = uniform(w, in, first, "numbers"),
           count = counted ? uniform(w, in, first + 1, "thread counts") : 0;
  if (id > 15) trap(w, in, "a CTA has barriers 0 to 15, found barrier " + std::to_string(id));
  if (counted && (count == 0 || count % LANES))
    trap(w, in, "the thread count of a barrier is a multiple of 32, found " + std::to_string(count));
  Barrier& b = w.cta->barriers[id];
  if (b.busy && b.count != count)
    trap(w, in,
         "barrier " + std::to_string(id) + " is waiting for " + (b.count ? std::to_string(b.count) : "all") +
             " threads, and a warp arrives that expects " + (count ? std::to_string(count) : "all"));
  if (b.busy && (b.arrived[w.index] & w.exec))
    trap(w, in, "a thread arrives at barrier " + std::to_string(id) + " twice in one phase");
  uint32_t ones = red ? uint32_t(__builtin_popcount(w.pred(in, first + (counted ? 2 : 1)) & w.exec)) : 0;
  uint32_t lanes = w.exec;
  if (kind == ARRIVE) {
    w.cta->arrive(id, w.index, lanes, count, 0);
    return;
  }
  s.leave_behind(lanes, w.next);  // lanes that the guard turned off do not wait
  s.park(Path::waiting, &in, int(id));
  if (Counters* counters = w.cta->cluster->counters) ++counters->barrier_waits;
  w.cta->arrive(id, w.index, lanes, count, ones);
}

template <uint64_t KIND>
Handler select_barrier(Form& f) {
  size_t operands = f.text.operands.size(), plain = KIND >= POPC ? 3 : 1;
  if (KIND == ARRIVE && operands != 2) return nullptr;
  f.aux = KIND | (operands > plain ? HAS_COUNT : 0);
  for (Flat& o : f.operand) o.imm_bits = 32;
  f.may_block = true;
  return barrier;
}

void nothing(Warp&, const Instr&) {}
Handler select_nothing(Form&) { return nothing; }

const char* BAR = "#parallel-synchronization-and-communication-instructions-bar";
constexpr Pattern SYNC_OPERANDS{1, 2, 0}, RED_OPERANDS{3, 4, 1};

}  // namespace

void add_rows(Rows& rows) {
  for (const char* name : {"bar.sync", "bar.cta.sync", "barrier.sync", "barrier.cta.sync"})
    rows.add({name, NO_TYPE, "aligned", SYNC_OPERANDS, Scope::CTA, select_barrier<SYNC>, BAR});
  for (const char* name : {"bar.arrive", "bar.cta.arrive", "barrier.arrive", "barrier.cta.arrive"})
    rows.add({name, NO_TYPE, "aligned", SYNC_OPERANDS, Scope::CTA, select_barrier<ARRIVE>, BAR});
  for (const char* prefix : {"bar", "bar.cta", "barrier", "barrier.cta"}) {
    static std::vector<std::unique_ptr<std::string>> names;  // rows keep the pointer
    auto name = [&](const char* op) {
      names.push_back(std::make_unique<std::string>(std::string(prefix) + ".red." + op));
      return names.back()->c_str();
    };
    rows.add(
        {name("popc"), types({Type::u32}), "aligned", RED_OPERANDS, Scope::CTA, select_barrier<POPC>, BAR});
    rows.add(
        {name("and"), types({Type::pred}), "aligned", RED_OPERANDS, Scope::CTA, select_barrier<AND>, BAR});
    rows.add({name("or"), types({Type::pred}), "aligned", RED_OPERANDS, Scope::CTA, select_barrier<OR>, BAR});
  }
  // Waiting for the lanes of the mask is what the machine does before it runs a WARP row.
  rows.add({"bar.warp.sync", NO_TYPE, "", Pattern{1, 1, 0, 0}, Scope::WARP, select_nothing,
            "#parallel-synchronization-and-communication-instructions-bar-warp-sync"});
}

}  // namespace sim::barrier_chapter
