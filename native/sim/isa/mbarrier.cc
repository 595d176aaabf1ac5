// PTX ISA 9.7.13.15 mbarrier. Every active lane performs the operation, lanes in ascending order. A wait that all
// its lanes make for one phase of one object parks until that phase completes; waits that differ, and test_wait,
// answer at once and give others their turn.
#include "../machine/mbarrier.h"

#include "../machine/access.h"
#include "../machine/profile.h"
#include "../machine/windows.h"
#include "chapters.h"
#include "select.h"

namespace sim::mbarrier_chapter {
namespace {

// Unpacked from Instr::aux.
struct Shape {
  uint8_t space, wide, peer;  // peer: another CTA's object will do
  uint8_t count;              // flat operand of the count or of the bytes, 0: none
  uint8_t drop, expect, no_complete, relaxed;
};
Shape shape_of(const Instr& in) { return __builtin_bit_cast(Shape, in.aux); }

// Addresses in the shared window. Generic ones must lie in it; a peer's object takes .shared::cluster, or a generic
// address and no result (PTX 9.1 #parallel-synchronization-and-communication-instructions-mbarrier-arrive).
struct Places {
  uint64_t at[LANES];
  Places(Warp& w, const Instr& in, unsigned k, const Shape& s) {
    addresses(w, in, k, 0, s.wide, at);
    for (uint32_t m = w.exec; m; m &= m - 1) {
      unsigned l = unsigned(__builtin_ctz(m));
      Space space = Space(s.space);
      uint64_t a = at[l];
      to_own_space(space, a);
      if (space != Space::shared)
        trap(w, in, l, Trap::illegal_address, "an mbarrier lies in shared memory, found a generic address of " +
                                                  std::string(ptx::name_of(space)) + " memory");
      if (!s.peer && a >> 24 != w.cta->rank)
        trap(w, in, l, Trap::illegal_address,
             "expected an mbarrier in the CTA's own shared memory (rank " + std::to_string(w.cta->rank) +
                 "), found an address of CTA rank " + std::to_string(a >> 24));
      at[l] = a;
    }
  }
};

template <class F>
void each_lane(Warp& w, F f) {
  for (uint32_t m = w.exec; m; m &= m - 1) f(unsigned(__builtin_ctz(m)));
}

// mbarrier.init [a], count
void init(Warp& w, const Instr& in) {
  Places p(w, in, 0, shape_of(in));
  const uint32_t* count = w.op<uint32_t>(in, 1);
  each_lane(w, [&](unsigned l) { mbarrier_init(w, in, l, p.at[l], count[l]); });
}
void inval(Warp& w, const Instr& in) {
  Places p(w, in, 0, shape_of(in));
  each_lane(w, [&](unsigned l) { mbarrier_inval(w, in, l, p.at[l]); });
}

// mbarrier.arrive[_drop] state, [a]{, count}: the state is that of before the arrival.
void arrive(Warp& w, const Instr& in) {
  const Shape s = shape_of(in);
  Places p(w, in, 1, s);
  uint64_t* state = w.op<uint64_t>(in, 0);
  const uint32_t* count = s.count ? w.op<uint32_t>(in, s.count) : nullptr;
  Sync published;
  if (s.relaxed) w.cta->cluster->order.release_relaxed(w, published);
  each_lane(w, [&](unsigned l) {
    Mbarrier& b = mbarrier_at(w, in, l, p.at[l]);
    uint32_t arrivals = count && !s.expect ? count[l] : 1;
    uint64_t before = b.state();
    if (s.expect) mbarrier_expect_tx(w, in, l, b, count[l]);
    if (s.no_complete && arrivals == b.pending && b.tx == 0)
      trap(w, in, l, "an arrival with .noComplete may not complete the phase, and this one does: " + b.describe());
    mbarrier_arrive(w, in, l, b, arrivals, s.drop, s.relaxed ? &published : nullptr);
    state[l] = before;
  });
}

// mbarrier.expect_tx [a], bytes · mbarrier.complete_tx [a], bytes
void expect_tx(Warp& w, const Instr& in) {
  Places p(w, in, 0, shape_of(in));
  const uint32_t* bytes = w.op<uint32_t>(in, 1);
  each_lane(w, [&](unsigned l) { mbarrier_expect_tx(w, in, l, mbarrier_at(w, in, l, p.at[l]), bytes[l]); });
}
void complete_tx(Warp& w, const Instr& in) {
  Places p(w, in, 0, shape_of(in));
  const uint32_t* bytes = w.op<uint32_t>(in, 1);
  each_lane(w, [&](unsigned l) {
    mbarrier_complete_tx(w, in, l, mbarrier_at(w, in, l, p.at[l]), bytes[l], nullptr);
  });
}

// mbarrier.test_wait p, [a], state · .parity p, [a], parity · try_wait: the same{, suspend-time}
template <bool PARITY, bool TRY>
void wait(Warp& w, const Instr& in) {
  const Shape s = shape_of(in);
  Path& path = w.state->path();
  uint64_t token = path.token;
  path.token = 0;
  Places p(w, in, 1, s);
  uint32_t yes = 0;
  Mbarrier* one = nullptr;  // the object of the lane before
  uint64_t at = 0;
  bool parity = false, same = true, answer = false;
  each_lane(w, [&](unsigned l) {
    uint64_t phase = PARITY ? w.op<uint32_t>(in, 2)[l] : uint32_t(w.op<uint64_t>(in, 2)[l]);
    if (PARITY && phase > 1)
      trap(w, in, l, "the phase parity of an mbarrier is 0 or 1, found " + std::to_string(phase));
    if (!one || p.at[l] != at || (phase & 1) != parity) {
      same &= !one;
      at = p.at[l], parity = phase & 1;
      one = &mbarrier_at(w, in, l, at);
      // PTX 9.1 #parallel-synchronization-and-communication-instructions-mbarrier-test-wait-try-wait
      if (!PARITY && one->phase - uint32_t(phase) > 1)
        trap(w, in, l, "the state is of phase " + std::to_string(phase) +
                           ", expected one of the current phase or the one before it; " + one->describe());
      answer = mbarrier_test(w, in, *one, parity, s.relaxed);
    }
    yes |= uint32_t(answer) << l;
  });
  if (Counters* counters = w.cta->cluster->counters; counters && yes != w.exec) ++counters->mbarrier_waits;
  if (TRY && same && !yes) {
    if (token == WOKEN)
      mbarrier_test(w, in, *one, parity, s.relaxed, true), yes = w.exec;
    else if (token != TIMED_OUT)
      return park_on(w, in, *one);
  }
  if (yes != w.exec) yield(w);
  write_pred(w, w.pred(in, 0), yes);
}

void pending_count(Warp& w, const Instr& in) {
  uint32_t t[LANES];
  const uint64_t* state = w.op<uint64_t>(in, 1);
  SIM_EACH_LANE(l) t[l] = uint32_t(state[l] >> 32);
  blend(w.op<uint32_t>(in, 0), t, w.exec);
}

bool place(Form& f, size_t k, Shape& s) {
  if (k >= f.operand.size() || !f.operand[k].address) return false;
  Space space = space_of(f.op);
  const Flat& o = f.operand[k];
  s.space = uint8_t(space), s.wide = (o.kind == Flat::imm ? o.imm_bits : o.bits) == 64;
  s.peer = f.has("shared::cluster");
  return space == Space::shared || space == Space::generic;
}
void pack(Form& f, const Shape& s) { f.aux = __builtin_bit_cast(uint64_t, s); }

template <Handler H, bool COUNT, bool PEER>
Handler on_object(Form& f) {
  Shape s{};
  if (!place(f, 0, s) || (s.peer && !PEER)) return nullptr;
  s.peer |= PEER && space_of(f.op) == Space::generic;
  if (COUNT) fix_width(f, 1, 32);
  pack(f, s);
  return H;
}

template <bool DROP>
Handler select_arrive(Form& f) {
  Shape s{};
  if (!place(f, 1, s)) return nullptr;
  s.drop = DROP, s.expect = f.has("expect_tx"), s.no_complete = f.has("noComplete"), s.relaxed = f.has("relaxed");
  bool sink = f.operand[0].kind == Flat::sink;
  if ((s.peer && !sink) || (s.no_complete && (s.peer || s.expect))) return nullptr;
  s.peer |= sink && !s.no_complete && space_of(f.op) == Space::generic;
  if (f.operand.size() > 2) {
    s.count = 2;
    fix_width(f, 2, 32);
  } else if (s.expect || s.no_complete) {
    return nullptr;
  }
  pack(f, s);
  return arrive;
}

template <bool TRY>
Handler select_wait(Form& f) {
  Shape s{};
  bool parity = f.has("parity");
  if (!place(f, 1, s) || s.peer || f.operand.size() < 3) return nullptr;
  if (parity) fix_width(f, 2, 32);
  s.relaxed = f.has("relaxed");
  if (f.operand.size() > 3) fix_width(f, 3, 32);  // how long to suspend at most: waits end by events alone
  pack(f, s);
  f.may_block = true;
  return parity ? Handler(wait<true, TRY>) : Handler(wait<false, TRY>);
}

}  // namespace

#define PTX(name) "#parallel-synchronization-and-communication-instructions-mbarrier-" name
void add_rows(Rows& rows) {
  constexpr TypeSet b64 = types({Type::b64});
  constexpr Pattern A{1, 1, 0}, A_B{2, 2, 0}, ARRIVE{2, 3, 1}, TEST{3, 3, 1}, TRY{3, 4, 1};
  constexpr Scope L = Scope::LANE, C = Scope::CTA;
  constexpr const char* own = "shared|shared::cta";
  constexpr const char* tx = "relaxed|cta|cluster|shared|shared::cta|shared::cluster";
  constexpr const char* arrivals =
      "release|relaxed|cta|cluster|shared|shared::cta|shared::cluster|expect_tx|noComplete";
  constexpr const char* waits = "acquire|relaxed|cta|cluster|shared|shared::cta|parity";
  // clang-format off
  //        name                      types modifiers operands scope select                             anchor
  rows.add({"mbarrier.init",          b64,  own,      A_B,     L,    on_object<init, true, false>,       PTX("init")});
  rows.add({"mbarrier.inval",         b64,  own,      A,       L,    on_object<inval, false, false>,     PTX("inval")});
  rows.add({"mbarrier.expect_tx",     b64,  tx,       A_B,     L,    on_object<expect_tx, true, true>,   PTX("expect-tx")});
  rows.add({"mbarrier.complete_tx",   b64,  tx,       A_B,     L,    on_object<complete_tx, true, true>, PTX("complete-tx")});
  rows.add({"mbarrier.arrive",        b64,  arrivals, ARRIVE,  L,    select_arrive<false>,               PTX("arrive")});
  rows.add({"mbarrier.arrive_drop",   b64,  arrivals, ARRIVE,  L,    select_arrive<true>,                PTX("arrive-drop")});
  rows.add({"mbarrier.test_wait",     b64,  waits,    TEST,    C,    select_wait<false>,                 PTX("test-wait-try-wait")});
  rows.add({"mbarrier.try_wait",      b64,  waits,    TRY,     C,    select_wait<true>,                  PTX("test-wait-try-wait")});
  rows.add({"mbarrier.pending_count", b64,  "",       D_A,     L,    always<pending_count>,              PTX("pending-count")});
  // clang-format on
}
#undef PTX

}  // namespace sim::mbarrier_chapter
