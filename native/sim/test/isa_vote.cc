// Rows in which lanes look at one another, and hints.
#include <cmath>

#include "isa_reference.h"
#include "isa_row.h"

namespace sim::isa_test {
namespace {

SIM_TEST(vote_match_elect_redux) {
  std::mt19937_64 rng(4);
  for (int round = 0; round < 100; ++round) {
    const uint32_t exec = round % 2 ? uint32_t(rng()) | 1u << rng() % 32 : ALL;
    Registers regs;
    regs.p(1) = round % 3 == 0 ? exec : round % 3 == 1 ? 0 : uint32_t(rng());
    for (unsigned l = 0; l < LANES; ++l) {
      regs.r(1)[l] = round % 5 == 0 ? 9 : uint32_t(hard_bits(rng, 32)) % 7 - 3,
      regs.q(1)[l] = uint64_t(regs.r(1)[l]) << 32 | 5, regs.r(5)[l] = hard_f32(rng);
      regs.r(0)[l] = 0xdeadbeef, regs.r(2)[l] = exec;
    }
    auto run = [&](const char* text) {
      Prepared p(text);
      if (!p.found()) fail(std::string("expected a row for ") + text);
      p.run(regs, exec);
    };
    auto lanes = [&](auto f) {
      for (unsigned l = 0; l < LANES; ++l)
        if (exec >> l & 1)
          f(l);
        else if (regs.r(0)[l] != 0xdeadbeef)
          fail("a lane that was off changed");
    };
    const uint32_t votes = regs.p(1) & exec;
    regs.p(0) = 0, run("vote.sync.all.pred %p0, %p1, %r2"), EXPECT(regs.p(0) == (votes == exec ? exec : 0));
    regs.p(0) = 0, run("vote.sync.any.pred %p0, %p1, %r2"), EXPECT(regs.p(0) == (votes ? exec : 0));
    regs.p(0) = 0, run("vote.sync.uni.pred %p0, %p1, %r2"),
    EXPECT(regs.p(0) == (votes == exec || !votes ? exec : 0));
    run("vote.sync.ballot.b32 %r0, %p1, %r2"), lanes([&](unsigned l) { EXPECT(regs.r(0)[l] == votes); });
    run("activemask.b32 %r0"), lanes([&](unsigned l) { EXPECT(regs.r(0)[l] == exec); });
    for (const char* text : {"match.any.sync.b32 %r0, %r1, %r2", "match.any.sync.b64 %r0, %q1, %r2"}) {
      run(text);
      lanes([&](unsigned l) {
        uint32_t m = 0;
        for (unsigned k = 0; k < LANES; ++k)
          if (exec >> k & 1 && regs.r(1)[k] == regs.r(1)[l]) m |= 1u << k;
        EXPECT(regs.r(0)[l] == m);
      });
    }
    bool same = true;
    for (unsigned k = 0; k < LANES; ++k)
      if (exec >> k & 1) same &= regs.r(1)[k] == regs.r(1)[__builtin_ctz(exec)];
    regs.p(0) = 0, run("match.all.sync.b32 %r0|%p0, %r1, %r2"),
    lanes([&](unsigned l) { EXPECT(regs.r(0)[l] == (same ? exec : 0)); });
    EXPECT(regs.p(0) == (same ? exec : 0));
    run("match.all.sync.b64 %r0, %q1, %r2"),
        lanes([&](unsigned l) { EXPECT(regs.r(0)[l] == (same ? exec : 0)); });
    regs.p(0) = 0, run("elect.sync %r0|%p0, %r2");
    EXPECT(regs.p(0) == (exec & -exec)),
        lanes([&](unsigned l) { EXPECT(regs.r(0)[l] == uint32_t(__builtin_ctz(exec))); });
    regs.p(0) = 0, run("elect.sync _|%p0, %r2"), EXPECT(regs.p(0) == (exec & -exec));
    auto fold = [&](const char* op, auto f) {
      run((std::string("redux.sync.") + op + " %r0, %r1, %r2").c_str());
      int64_t want = 0;
      bool first = true;
      for (unsigned k = 0; k < LANES; ++k)
        if (exec >> k & 1)
          want = first ? int64_t(int32_t(regs.r(1)[k])) : f(want, int64_t(int32_t(regs.r(1)[k]))),
          first = false;
      lanes([&](unsigned l) { EXPECT(regs.r(0)[l] == uint32_t(want)); });
    };
    fold("add.s32", [](int64_t a, int64_t b) { return a + b; }),
        fold("add.u32", [](int64_t a, int64_t b) { return a + b; });
    fold("min.s32", [](int64_t a, int64_t b) { return a < b ? a : b; }),
        fold("max.s32", [](int64_t a, int64_t b) { return a > b ? a : b; });
    fold("min.u32", [](int64_t a, int64_t b) { return uint32_t(a) < uint32_t(b) ? a : b; }),
        fold("max.u32", [](int64_t a, int64_t b) { return uint32_t(a) > uint32_t(b) ? a : b; });
    fold("and.b32", [](int64_t a, int64_t b) { return a & b; }),
        fold("or.b32", [](int64_t a, int64_t b) { return a | b; }),
        fold("xor.b32", [](int64_t a, int64_t b) { return a ^ b; });
    for (bool max : {false, true})
      for (bool nan : {false, true})
        for (bool abs : {false, true}) {
          run((std::string("redux.sync.") + (max ? "max" : "min") + (abs ? ".abs" : "") +
               (nan ? ".NaN" : "") + ".f32 %r0, %r5, %r2")
                  .c_str());
          double best = NAN;
          bool any_nan = false;
          for (unsigned k = 0; k < LANES; ++k) {
            if (!(exec >> k & 1)) continue;
            double v = F(regs.r(5)[k]);
            if (abs) v = std::fabs(v);
            if (v != v)
              any_nan = true;
            else if (best != best || (max ? v > best : v < best) || (v == best && std::signbit(v) != max))
              best = v;
          }
          const uint32_t want =
              best != best || (nan && any_nan) ? 0x7fffffff : __builtin_bit_cast(uint32_t, float(best));
          lanes([&](unsigned l) { EXPECT(regs.r(0)[l] == want); });
        }
  }
}
SIM_TEST(hints) {  // rows without effect leave every register alone
  for (const char* text :
       {"prefetch.global.L2 [%q1]", "prefetch.L1 [%q1]", "prefetchu.L1 [%q1]", "prefetch.tensormap [%q1]",
        "prefetch.global.L2::evict_last [%q1]", "discard.global.L2 [%q1], 128",
        "applypriority.global.L2::evict_normal [%q1], 128"}) {
    Prepared p(text);
    if (!p.found()) fail(std::string("expected a row for ") + text);
    Registers regs;
    for (unsigned l = 0; l < LANES; ++l) regs.q(1)[l] = l;
    p.run(regs);
    for (unsigned l = 0; l < LANES; ++l) EXPECT(regs.q(1)[l] == l);
  }
  // a policy is opaque, and one value for all forms: hints change nothing here
  std::vector<std::string> policies{"createpolicy.cvt.L2.b64 %q0, %q1"};
  for (const char* first : {"evict_last", "evict_normal", "evict_first", "evict_unchanged"})
    for (const char* second : {"", ".L2::evict_first", ".L2::evict_unchanged"}) {
      const std::string priorities = std::string("L2::") + first + second + ".b64 %q0";
      policies.push_back("createpolicy.fractional." + priorities);
      policies.push_back("createpolicy.fractional." + priorities + ", 0.5");
      for (const char* space : {"", "global."})
        policies.push_back(std::string("createpolicy.range.") + space + priorities + ", [%q1], %r2, %r3");
    }
  for (const std::string& text : policies) {
    Prepared p(text);
    if (!p.found()) fail("expected a row for " + text);
    Registers regs;
    for (unsigned l = 0; l < LANES; ++l) regs.q(0)[l] = 77 + l;
    p.run(regs, 0x0000ffff);
    for (unsigned l = 0; l < LANES; ++l) EXPECT(regs.q(0)[l] == (l < 16 ? 0u : 77 + l));
  }
  EXPECT(!Prepared("tcgen05.frobnicate.b32 %r0, %r1").found());
}

}  // namespace
}  // namespace sim::isa_test
