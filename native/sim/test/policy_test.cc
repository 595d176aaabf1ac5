// What the policies of asynchrony and of scheduling show and what they must not.
#include "policies.h"

using namespace sim;

namespace policy_test {
using namespace sim::testing;

namespace {

std::shared_ptr<Module> kernel(const std::string& text) {
  return Module::load(
      ".version 9.0\n.target sm_100a\n.address_size 64\n.entry k(.param .u64 out) {\n"
      ".reg .b32 %r<40>; .reg .b64 %rd<40>; .reg .pred %p<16>;\n"
      ".shared .align 8 .b64 bar[8]; .shared .align 16 .b8 s[1024];\n"
      "ld.param.u64 %rd1, [out]; mov.u32 %r0, %tid.x; mul.wide.u32 %rd2, %r0, 4; add.s64 %rd2, %rd1, %rd2;\n"
      "setp.eq.u32 %p0, %r0, 0; mov.u32 %r30, bar; mov.u32 %r31, s; shr.u32 %r1, %r0, 5; and.b32 %r2, %r0, 31;\n" +
      text + "\nret;\n}\n");
}

LaunchConfig block(uint32_t threads, bool checked = true) {
  LaunchConfig c;
  c.block = {threads, 1, 1}, c.check_order = checked;
  c.max_instructions = 10000000;
  return c;
}

std::vector<uint32_t> answer(const std::string& text, const LaunchConfig& c, LaunchResult* result = nullptr) {
  auto m = kernel(text);
  Array<uint32_t> out(std::vector<uint32_t>(2048, 0));
  LaunchResult r = launch(*m, *m->entry("k"), c, params(out.at));
  if (result) *result = r;
  return out.values();
}

// Warp 0 fills an accumulator of two buffers, warp 1 drains it: 16 tiles. full[b] at bar, empty[b] at bar + 16.
std::string pipeline(bool wait_full, bool wait_empty) {
  std::string full = wait_full ? "F: mbarrier.try_wait.parity.shared.b64 %p1, [%r10], %r7; @!%p1 bra F;\n" : "";
  std::string empty = wait_empty ? "E: mbarrier.try_wait.parity.shared.b64 %p1, [%r10+16], %r7; @!%p1 bra E;\n" : "";
  std::string next = "add.u32 %r3, %r3, 1; setp.lt.u32 %p2, %r3, 16; ";
  std::string where = "and.b32 %r6, %r3, 1; mad.lo.u32 %r10, %r6, 8, %r30; mad.lo.u32 %r11, %r6, 128, %r31; mad.lo.u32 %r11, %r2, 4, %r11; "
                      "shr.u32 %r7, %r3, 1; and.b32 %r7, %r7, 1;\n";
  return "@%p0 mbarrier.init.shared.b64 [bar], 32; @%p0 mbarrier.init.shared.b64 [bar+8], 32; @%p0 mbarrier.init.shared.b64 [bar+16], 32;\n"
         "@%p0 mbarrier.init.shared.b64 [bar+24], 32; setp.lt.u32 %p4, %r0, 32; @%p4 st.shared.u32 [%r31], 0;\n"
         "mad.lo.u32 %r12, %r0, 4, %r31; st.shared.u32 [%r12], 0; bar.sync 0; mov.u32 %r3, 0; mov.u32 %r5, 0; @!%p4 bra DRAIN;\n"
         "FILL: " + where + "xor.b32 %r7, %r7, 1;\n" + empty +
         "mad.lo.u32 %r8, %r3, 100, %r2; st.shared.u32 [%r11], %r8; mbarrier.arrive.shared.b64 _, [%r10];\n" + next + "@%p2 bra FILL; exit;\n"
         "DRAIN: " + where + full +
         "ld.shared.u32 %r8, [%r11]; mul.lo.u32 %r5, %r5, 31; add.u32 %r5, %r5, %r8; mbarrier.arrive.shared.b64 _, [%r10+16];\n" + next +
         "@%p2 bra DRAIN; st.global.u32 [%rd2], %r5;";
}

uint32_t drained(uint32_t lane) {
  uint32_t sum = 0;
  for (uint32_t k = 0; k < 16; ++k) sum = sum * 31 + k * 100 + lane;
  return sum;
}

unsigned seeds_that_show(const std::string& text) {
  unsigned shown = 0;
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    LaunchConfig c = block(64, false);
    c.async = AsyncPolicy::random, c.seed = seed;
    try {
      auto got = answer(text, c);
      for (uint32_t l = 0; l < 32; ++l)
        if (got[32 + l] != drained(l)) {
          ++shown;
          break;
        }
    } catch (const Trap&) {
      ++shown;
    }
  }
  return shown;
}

}  // namespace

// A right pipeline has one answer; one without a wait is named by the checker under any policy, and without the
// checker its answer changes under some seeds.
TEST(policy_finds_a_missing_wait) {
  under_every_policy(block(64), [&](const LaunchConfig& c) {
    LaunchResult r;
    auto got = answer(pipeline(true, true), c, &r);
    for (uint32_t l = 0; l < 32; ++l) CHECK_EQ(got[32 + l], drained(l), "lane ", l);
    CHECK(r.lints.empty(), r.lints.empty() ? "" : r.lints[0]);
  });
  CHECK_EQ(seeds_that_show(pipeline(true, true)), 0u);
  for (auto [full, empty] : {std::pair{false, true}, {true, false}}) {
    std::string text = pipeline(full, empty);
    unsigned shown = seeds_that_show(text);
    CHECK(shown >= 3, "the missing wait on ", full ? "empty" : "full", " changed the answer under ", shown, " of 8 seeds");
    // who never waits may also run through before the other starts: that one is lapped
    under_every_policy(block(64), [&](const LaunchConfig& c) {
      if (c.async == AsyncPolicy::eager) return;  // goes on with a lint
      std::string said = trap_of([&] { answer(text, c); }).what();
      CHECK(said.find("nothing orders the two") != std::string::npos || said.find("lapped: it waits for phase") != std::string::npos, said);
    });
  }
}

// Operations that take no time lap a waiter; the run goes on where it would hang, and the waiter is named.
TEST(policy_lapped_waiters) {
  // warp 0 turns the barrier by itself, phase after phase; warp 1 waits for each of four phases and lags
  auto text = [](const std::string& tell) {
    return "@%p0 mbarrier.init.shared.b64 [bar], 1; @%p0 mbarrier.init.shared.b64 [bar+8], 1; bar.sync 0; mov.u32 %r3, 0; setp.lt.u32 %p4, %r0, 32; @!%p4 bra W;\n"
           "A: and.b32 %r7, %r3, 1; xor.b32 %r8, %r7, 1;\n" + tell +
           "@%p0 mbarrier.arrive.shared.b64 _, [bar]; add.u32 %r3, %r3, 1; setp.lt.u32 %p2, %r3, 4; @%p2 bra A; exit;\n"
           "W: and.b32 %r7, %r3, 1;\nL: mbarrier.try_wait.parity.shared.b64 %p1, [bar], %r7; @!%p1 bra L; setp.eq.u32 %p5, %r2, 0;\n"
           "@%p5 mbarrier.arrive.shared.b64 _, [bar+8]; add.u32 %r3, %r3, 1; setp.lt.u32 %p2, %r3, 4; @%p2 bra W; st.global.u32 [%rd2], %r3;";
  };
  LaunchConfig c = block(64);
  LaunchResult r;
  c.async = AsyncPolicy::eager;
  CHECK_EQ(answer(text(""), c, &r)[33], 4u);
  CHECK(!r.lints.empty(), "a waiter was lapped");
  for (const char* words : {"lapped by two phases", "mbarrier.try_wait.parity.shared.b64 at PTX line", "warp 1", "shared 0x400"})
    CHECK(r.lints[0].find(words) != std::string::npos, words, " in: ", r.lints[0]);
  c.async = AsyncPolicy::lazy;
  std::string said = trap_of([&] { answer(text(""), c); }).what();
  CHECK(said.find("lapped: it waits for phase 2, and nothing kept") != std::string::npos, said);
  under_every_policy(block(64), [&](const LaunchConfig& k) {
    LaunchResult clean;
    CHECK_EQ(answer(text("E: mbarrier.try_wait.parity.shared.b64 %p1, [bar+8], %r8; @!%p1 bra E;\n"), k, &clean)[33], 4u);
    CHECK(clean.lints.empty(), clean.lints.empty() ? "" : clean.lints[0]);
  });
}

TEST(policy_deadlock_names_everything) {
  std::string text = "@%p0 mbarrier.init.shared.b64 [bar], 3; bar.sync 0; setp.eq.u32 %p3, %r1, 1; @%p3 bra B; setp.eq.u32 %p3, %r1, 2; @%p3 bra C;\n"
                     "@%p0 mbarrier.arrive.shared.b64 _, [bar]; @%p0 mbarrier.expect_tx.relaxed.cta.shared::cta.b64 [bar], 128;\n"
                     "A: mbarrier.try_wait.parity.shared.b64 %p1, [bar], 0; @!%p1 bra A; exit;\nB: bar.sync 3, 128; exit;\nC: bar.sync 2;";
  trap_under_every_policy(block(96), [&](const LaunchConfig& c) { answer(text, c); }, Trap::deadlock,
                          {"warp 0 lanes ffffffff at PTX line 11", "2 of 3 arrivals and 128 bytes are still to come",
                           "last mbarrier.expect_tx", "at PTX line 10 by warp 0", "warp 1 lanes ffffffff at PTX line 12",
                           "barrier 3 for 128 threads, of which 32 have come", "warp 2 lanes ffffffff at PTX line 13",
                           "barrier 2 for all threads, of which 32 have come and 64 have not"});
  // lanes of one warp at shuffles that each want them all
  std::string apart = "setp.lt.u32 %p1, %r2, 16; @%p1 bra A; shfl.sync.idx.b32 %r3, %r0, 0, 31, -1; bra D;\n"
                      "A: shfl.sync.idx.b32 %r3, %r0, 1, 31, -1;\nD: st.global.u32 [%rd2], %r3;";
  trap_under_every_policy(block(32), [&](const LaunchConfig& c) { answer(apart, c); }, Trap::deadlock,
                          {"lanes 0000ffff", "lanes ffff0000", "for the other lanes of its member mask"});
}

// A kernel that never ends is stopped; one that polls is not stuck.
TEST(policy_limits_and_polls) {
  LaunchConfig c = block(64);
  c.max_instructions = 20000;
  trap_under_every_policy(c, [&](const LaunchConfig& k) { answer("L: add.u32 %r3, %r3, 1; bra L;", k); }, Trap::limit,
                          {"more than 20000 warp instructions"});
  trap_under_every_policy(
      c, [&](const LaunchConfig& k) { answer("@%p0 mbarrier.init.shared.b64 [bar], 2; bar.sync 0; L: mbarrier.test_wait.parity.shared.b64 %p1, [bar], 0; @!%p1 bra L;", k); },
      Trap::limit, {"more than 20000"});
  // each of these waits for what only an operation in flight, or a warp behind, brings
  const std::string send = "@%p0 mbarrier.init.shared.b64 [bar], 1; @%p0 st.shared.u32 [s], 0; bar.sync 0; @%p0 mbarrier.arrive.expect_tx.shared.b64 _, [bar], 4;\n"
                           "@%p0 st.async.shared::cluster.mbarrier::complete_tx::bytes.u32 [%r31], 9, [%r30];\n";
  const std::string flag = "@%p0 st.async.release.gpu.global.u32 [%rd1+512], 7; L: ld.volatile.global.u32 %r4, [%rd1+512]; setp.ne.u32 %p1, %r4, 7; @%p1 bra L;";
  const std::string sleep = "@%p0 st.async.release.gpu.global.u32 [%rd1+512], 7; L: nanosleep.u32 100; ld.acquire.gpu.global.u32 %r4, [%rd1+512]; setp.ne.u32 %p1, %r4, 7; @%p1 bra L;";
  const std::string both = "@%p0 mbarrier.init.shared.b64 [bar], 1; @%p0 mbarrier.init.shared.b64 [bar+8], 1; bar.sync 0; setp.eq.u32 %p3, %r1, 1; @%p3 bra B;\n"
                           "A: mbarrier.try_wait.parity.shared.b64 %p1, [bar], 0, 50; @%p1 bra D; mbarrier.try_wait.parity.shared.b64 %p2, [bar+8], 0, 50; @!%p2 bra A;\n"
                           "@%p0 mbarrier.arrive.shared.b64 _, [bar]; bra A;\nB: setp.eq.u32 %p4, %r2, 0; @%p4 mbarrier.arrive.shared.b64 _, [bar+8];\nD: mov.u32 %r4, 9;";
  for (const std::string& text : {send + "L: mbarrier.test_wait.parity.shared.b64 %p1, [bar], 0; @!%p1 bra L; ld.shared.u32 %r4, [s];", flag, sleep, both})
    under_every_policy(block(64), [&](const LaunchConfig& k) {
      auto got = answer(text + " st.global.u32 [%rd2], %r4;", k);
      for (uint32_t t = 0; t < 64; ++t) CHECK_EQ(got[t], text == flag || text == sleep ? 7u : 9u, "thread ", t, " of ", text);
    });
}

TEST(policy_bytes_left_at_exit) {
  auto text = [](const char* bytes) {
    return std::string("mbarrier.init.shared.b64 [bar], 1; mbarrier.arrive.expect_tx.shared.b64 _, [bar], ") + bytes +
           "; st.async.shared::cluster.mbarrier::complete_tx::bytes.u32 [%r31], 9, [%r30];";
  };
  trap_under_every_policy(block(1), [&](const LaunchConfig& c) { answer(text("12"), c); }, Trap::race,
                          {"expect_tx announced have not come", "8 bytes", "PTX line 9", "mbarrier.arrive.expect_tx"});
  under_every_policy(block(1), [&](const LaunchConfig& c) { answer(text("4"), c); });
}

// A grid whose CTAs wait for one another, and the seed's order of CTAs.
TEST(policy_grids_that_meet) {
  std::string text = "mov.u32 %r4, %nctaid.x; @%p0 atom.global.add.u32 %r5, [%rd1+4096], 1;\n"
                     "L: ld.acquire.gpu.global.u32 %r5, [%rd1+4096]; setp.lt.u32 %p1, %r5, %r4; @%p1 bra L; mov.u32 %r6, %ctaid.x;\n"
                     "mul.wide.u32 %rd5, %r6, 4; add.s64 %rd5, %rd1, %rd5; @%p0 st.global.u32 [%rd5], %r6;";
  LaunchConfig wide = block(32);
  wide.grid = {40, 1, 1};
  under_every_policy(wide, [&](const LaunchConfig& c) {
    auto got = answer(text, c);
    for (uint32_t k = 0; k < 40; ++k) CHECK_EQ(got[k], k);
  });
}

}  // namespace policy_test
