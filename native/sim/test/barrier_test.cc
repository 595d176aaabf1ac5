// Named barriers of a CTA: counts, reductions, lanes apart; setmaxnreg and nanosleep.
#include "policies.h"

using namespace sim;
using namespace sim::testing;

namespace {

std::vector<uint32_t> answer(const std::string& text, const LaunchConfig& c, LaunchResult* result = nullptr) {
  auto m = Module::load(
      ".version 9.0\n.target sm_100a\n.address_size 64\n.entry k(.param .u64 out) {\n"
      ".reg .b32 %r<40>; .reg .b64 %rd<9>; .reg .pred %p<16>; .shared .align 16 .b8 s[1024];\n"
      "ld.param.u64 %rd1, [out]; mov.u32 %r0, %tid.x; mul.wide.u32 %rd2, %r0, 4; add.s64 %rd2, %rd1, %rd2;\n"
      "mov.u32 %r31, s; shr.u32 %r1, %r0, 5; and.b32 %r2, %r0, 31; setp.lt.u32 %p9, %r2, 16; mad.lo.u32 %r30, %r0, 4, %r31;\n" +
      text + "\nret;\n}\n");
  Array<uint32_t> out(std::vector<uint32_t>(1024, 0xeeeeeeee));
  LaunchResult r = launch(*m, *m->entry("k"), c, params(out.at));
  if (result) *result = r;
  return out.values();
}
LaunchConfig block(uint32_t threads) {
  LaunchConfig c;
  c.block = {threads, 1, 1};
  return c;
}

}  // namespace

// Producers arrive and go on, consumers wait; then the other way round, by another barrier.
TEST(barrier_producers_and_consumers) {
  std::string text = "mov.u32 %r3, 0; setp.lt.u32 %p1, %r1, 2; @!%p1 bra C;\n"
                     "P: bar.sync 2, 128; mad.lo.u32 %r4, %r3, 1000, %r0; st.shared.u32 [%r30], %r4; bar.arrive 1, 128; add.u32 %r3, %r3, 1;\n"
                     "setp.lt.u32 %p2, %r3, 5; @%p2 bra P; exit;\n"
                     "C: mov.u32 %r5, 0; D: bar.arrive 2, 128; bar.sync 1, 128; ld.shared.u32 %r4, [%r30+-256]; add.u32 %r5, %r5, %r4;\n"
                     "add.u32 %r3, %r3, 1; setp.lt.u32 %p2, %r3, 5; @%p2 bra D; st.global.u32 [%rd2], %r5;";
  under_every_policy(block(128), [&](const LaunchConfig& c) {
    auto got = answer(text, c);
    for (uint32_t t = 64; t < 128; ++t) CHECK_EQ(got[t], 10000 + 5 * (t - 64), "thread ", t);
  });
  std::string hasty = text;
  hasty.replace(hasty.find("P: bar.sync 2, 128;"), 19, "P: bar.arrive 2, 128;");
  under_every_policy(block(128), [&](const LaunchConfig& c) {
    Trap t = trap_of([&] { answer(hasty, c); });
    std::string said = t.what();
    CHECK(t.cause == Trap::race || said.find("twice in one phase") != std::string::npos, said);
  });
}

TEST(barrier_reductions) {
  std::string text =
      "setp.lt.u32 %p1, %r0, 37; barrier.cta.red.popc.aligned.u32 %r3, 0, %p1; bar.red.popc.u32 %r4, 1, 96, !%p1;\n"
      "bar.cta.red.and.pred %p2, 2, %p1; setp.lt.u32 %p3, %r0, 96; barrier.red.and.pred %p4, 3, 96, %p3; bar.red.or.pred %p5, 4, %p1;\n"
      "barrier.cta.red.or.aligned.pred %p6, 5, !%p3; selp.u32 %r5, 1, 0, %p2; @%p4 or.b32 %r5, %r5, 2; @%p5 or.b32 %r5, %r5, 4;\n"
      "@%p6 or.b32 %r5, %r5, 8; mad.lo.u32 %r5, %r3, 1000, %r5; mad.lo.u32 %r5, %r4, 1000000, %r5; st.global.u32 [%rd2], %r5;";
  under_every_policy(block(96), [&](const LaunchConfig& c) {
    auto got = answer(text, c);
    for (uint32_t t = 0; t < 96; ++t) CHECK_EQ(got[t], 59037006u, "thread ", t);
  });
}

// Lanes that come to barrier.sync from different places are one warp; of an aligned one that is a remark.
TEST(barrier_lanes_apart) {
  auto text = [](const char* op) {
    std::string b = op;
    return "st.shared.u32 [%r30], %r0; @%p9 bra A; " + b + "; bra D;\nA: add.u32 %r3, %r0, 1; " + b +
           ";\nD: xor.b32 %r4, %r0, 63; mad.lo.u32 %r4, %r4, 4, %r31; ld.shared.u32 %r5, [%r4]; st.global.u32 [%rd2], %r5;";
  };
  for (const char* op : {"barrier.sync 1", "barrier.cta.sync 1, 64", "bar.sync 1", "barrier.sync.aligned 1, 64"})
    under_every_policy(block(64), [&](const LaunchConfig& c) {
      LaunchResult r;
      auto got = answer(text(op), c, &r);
      for (uint32_t t = 0; t < 64; ++t) CHECK_EQ(got[t], 63 - t, op);
      bool aligned = std::string(op).find("cta") == std::string::npos && std::string(op) != "barrier.sync 1";
      CHECK_EQ(r.lints.size(), size_t(aligned), op);
      if (aligned) CHECK(r.lints[0].find("wait at different instructions of barrier 1") != std::string::npos, r.lints[0]);
    });
}

TEST(barrier_faults) {
  auto expect = [&](const std::string& text, Trap::Cause cause, const std::vector<std::string>& words) {
    trap_under_every_policy(block(64), [&](const LaunchConfig& c) { answer(text, c); }, cause, words);
  };
  auto wrong = Trap::illegal_instruction;
  expect("setp.eq.u32 %p1, %r1, 0; @%p1 bar.sync 1, 64; @!%p1 bar.sync 1;", wrong, {"barrier 1 is waiting for", "a warp arrives that expects"});
  expect("bar.sync 1, 48;", wrong, {"multiple of 32, found 48"});
  expect("mov.u32 %r3, 16; bar.sync %r3;", wrong, {"found barrier 16"});
  expect("bar.sync %r2;", wrong, {"the lanes of a warp name different numbers"});
  expect("bar.arrive 1, 128; bar.arrive 1, 128;", wrong, {"twice in one phase"});
  expect("bar.sync 1, 96;", Trap::deadlock, {"barrier 1 for 96 threads, of which 64 have come"});
  // without the barrier, and with it
  std::string pass = "st.shared.u32 [%r30], %r0; BAR xor.b32 %r4, %r0, 63; mad.lo.u32 %r4, %r4, 4, %r31; ld.shared.u32 %r5, [%r4]; st.global.u32 [%rd2], %r5;";
  auto with = [&](const char* bar) { return std::string(pass).replace(pass.find("BAR"), 3, bar); };
  under_every_policy(block(64), [&](const LaunchConfig& c) {
    std::string said = trap_of([&] { answer(with(""), c); }).what();
    CHECK(said.find("no barrier orders the two") != std::string::npos || said.find("nobody has written") != std::string::npos, said);
    CHECK_EQ(answer(with("bar.sync 0;"), c)[3], 60u);
  });
}

TEST(barrier_setmaxnreg_and_sleep) {
  auto text = [](int inc) {
    return "setp.lt.u32 %p1, %r1, 4; @%p1 setmaxnreg.dec.sync.aligned.u32 40; @!%p1 setmaxnreg.inc.sync.aligned.u32 " +
           std::to_string(inc) + "; nanosleep.u32 10; griddepcontrol.wait; griddepcontrol.launch_dependents; st.global.u32 [%rd2], 1;";
  };
  LaunchResult r;
  CHECK_EQ(answer(text(232), block(384), &r)[383], 1u);
  CHECK(r.lints.empty());
  CHECK_EQ(answer(text(240), block(384), &r)[383], 1u);
  CHECK_EQ(r.lints.size(), size_t(1));
  CHECK(r.lints[0].find("ask for 66560 registers") != std::string::npos, r.lints[0]);
  for (const char* n : {"20", "264", "100"}) {
    Trap t = trap_of([&] { answer(std::string("setmaxnreg.inc.sync.aligned.u32 ") + n + ";", block(32)); });
    CHECK(std::string(t.what()).find("setmaxnreg takes a multiple of 8 from 24 to 256, found ") == 0, t.what());
  }
}
