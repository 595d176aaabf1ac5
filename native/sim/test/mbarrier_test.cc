// mbarrier: phases, counts, transactions, and what may not be done with one.
#include "policies.h"

using namespace sim;

namespace mbarrier_test {
using namespace sim::testing;

namespace {

std::shared_ptr<Module> kernel(const std::string& text) {
  return Module::load(
      ".version 9.0\n.target sm_100a\n.address_size 64\n.entry k(.param .u64 out) {\n"
      ".reg .b32 %r<40>; .reg .b64 %rd<40>; .reg .pred %p<16>;\n"
      ".shared .align 8 .b64 bar[4]; .shared .align 16 .b8 s[1024];\n"
      "ld.param.u64 %rd1, [out]; mov.u32 %r0, %tid.x; mul.wide.u32 %rd2, %r0, 4; add.s64 %rd2, %rd1, %rd2;\n"
      "setp.eq.u32 %p0, %r0, 0; mov.u32 %r30, bar; mov.u64 %rd30, bar; cvta.shared.u64 %rd31, %rd30;\n" +
      text + "\nret;\n}\n");
}

LaunchConfig block(uint32_t threads) {
  LaunchConfig c;
  c.block = {threads, 1, 1};
  return c;
}

std::vector<uint32_t> answer(const std::string& text, const LaunchConfig& c) {
  auto m = kernel(text);
  Array<uint32_t> out(std::vector<uint32_t>(1024, 0xeeeeeeee));
  launch(*m, *m->entry("k"), c, params(out.at));
  return out.values();
}

const std::string INIT = "@%p0 mbarrier.init.shared::cta.b64 [bar], ";
const std::string WAIT_PHASE_0 = "W0: mbarrier.try_wait.parity.shared::cta.b64 %p1, [bar], 0; @!%p1 bra W0;\n";

}  // namespace

// Everybody stores, arrives, waits, and reads a neighbour's word: two phases over one buffer.
TEST(mbarrier_arrive_and_wait_orders_a_block) {
  std::string text = INIT + "96; bar.sync 0; mov.u32 %r9, s; mad.lo.u32 %r10, %r0, 4, %r9; add.u32 %r1, %r0, 1; "
                     "rem.u32 %r1, %r1, 96; mad.lo.u32 %r11, %r1, 4, %r9;\n"
                     "st.shared.u32 [%r10], %r0; mbarrier.arrive.shared::cta.b64 _, [bar];\n" + WAIT_PHASE_0 +
                     "ld.shared.u32 %r2, [%r11]; mbarrier.arrive.release.cta.shared::cta.b64 %rd9, [%r30];\n"
                     "W1: mbarrier.test_wait.acquire.cta.shared::cta.b64 %p2, [bar], %rd9; @!%p2 bra W1;\n"
                     "mul.lo.u32 %r3, %r2, 3; st.shared.u32 [%r10], %r3; mbarrier.arrive.b64 _, [%rd31];\n"
                     "W2: mbarrier.try_wait.parity.b64 %p3, [%rd31], 0, 1000; @!%p3 bra W2;\n"
                     "ld.shared.u32 %r4, [%r11]; st.global.u32 [%rd2], %r4;";
  under_every_policy(block(96), [&](const LaunchConfig& c) {
    auto got = answer(text, c);
    for (uint32_t t = 0; t < 96; ++t) CHECK_EQ(got[t], (t + 2) % 96 * 3, "thread ", t);
  });
}

// The count operand, .noComplete, the state's pending count, drop, and parities, by one thread.
TEST(mbarrier_counts_and_states) {
  std::string text =
      "mbarrier.init.shared.b64 [bar], 5; mbarrier.test_wait.parity.shared.b64 %p1, [bar], 1; selp.u32 %r1, 1, 0, %p1;\n"
      "mbarrier.test_wait.parity.shared.b64 %p1, [bar], 0; selp.u32 %r2, 1, 0, %p1;\n"
      "mbarrier.arrive.noComplete.shared.b64 %rd3, [bar], 2; mbarrier.pending_count.b64 %r3, %rd3;\n"
      "mbarrier.arrive_drop.shared.b64 %rd4, [bar], 2; mbarrier.pending_count.b64 %r4, %rd4;\n"
      "mbarrier.test_wait.shared.b64 %p1, [bar], %rd4; selp.u32 %r5, 1, 0, %p1;\n"
      "mbarrier.arrive.shared.b64 %rd5, [bar]; mbarrier.test_wait.shared.b64 %p1, [bar], %rd3; selp.u32 %r6, 1, 0, %p1;\n"
      "mbarrier.arrive.shared.b64 %rd6, [bar], 1; mbarrier.pending_count.b64 %r7, %rd6;\n"
      "mbarrier.arrive_drop.noComplete.b64 %rd7, [%rd31], 1; mbarrier.arrive.shared.b64 %rd8, [bar];\n"
      "mbarrier.test_wait.shared.b64 %p1, [bar], %rd6; selp.u32 %r8, 1, 0, %p1;\n"
      "mbarrier.arrive.shared.b64 %rd9, [bar]; mbarrier.arrive.shared.b64 %rd10, [bar];\n"
      "mbarrier.test_wait.parity.shared.b64 %p1, [bar], 0; selp.u32 %r9, 1, 0, %p1;\n"
      "mbarrier.pending_count.b64 %r10, %rd10; mbarrier.inval.shared.b64 [bar]; st.shared.b64 [bar], 0;\n";
  for (int k = 1; k <= 10; ++k)
    text += "st.global.u32 [%rd1+" + std::to_string(4 * k) + "], %r" + std::to_string(k) + ";\n";
  under_every_policy(block(1), [&](const LaunchConfig& c) {
    auto got = answer(text, c);
    const uint32_t want[] = {0, 1, 0, 5, 3, 0, 1, 3, 1, 1, 1};
    for (uint32_t k = 1; k <= 10; ++k) CHECK_EQ(got[k], want[k], "value ", k);
  });
}

// A phase completes when the arrivals and the bytes have both come, whichever is last; bytes may come first.
TEST(mbarrier_transactions) {
  std::string text =
      "mbarrier.init.shared.b64 [bar], 1; mbarrier.expect_tx.relaxed.cta.shared::cta.b64 [bar], 64;\n"
      "mbarrier.arrive.expect_tx.shared::cta.b64 _, [bar], 32; mbarrier.test_wait.parity.shared.b64 %p1, [bar], 0;\n"
      "selp.u32 %r1, 1, 0, %p1; mbarrier.complete_tx.relaxed.cluster.shared::cluster.b64 [bar], 95;\n"
      "mbarrier.test_wait.parity.shared.b64 %p1, [bar], 0; selp.u32 %r2, 1, 0, %p1;\n"
      "mbarrier.complete_tx.shared::cta.b64 [bar], 1; mbarrier.test_wait.parity.shared.b64 %p1, [bar], 0;\n"
      "selp.u32 %r3, 1, 0, %p1; mbarrier.complete_tx.b64 [%rd31], 16;\n"
      "mbarrier.arrive.expect_tx.release.cluster.shared::cluster.b64 _, [%r30], 16;\n"
      "mbarrier.test_wait.parity.shared.b64 %p1, [bar], 1; selp.u32 %r4, 1, 0, %p1;\n"
      "mbarrier.arrive_drop.expect_tx.shared::cta.relaxed.cta.b64 _, [bar], 8; mbarrier.complete_tx.b64 [%rd31], 8;\n"
      "mbarrier.test_wait.parity.shared.b64 %p1, [bar], 0; selp.u32 %r5, 1, 0, %p1;\n";
  for (int k = 1; k <= 5; ++k)
    text += "st.global.u32 [%rd1+" + std::to_string(4 * k) + "], %r" + std::to_string(k) + ";\n";
  under_every_policy(block(1), [&](const LaunchConfig& c) {
    auto got = answer(text, c);
    const uint32_t want[] = {0, 0, 0, 1, 1, 1};
    for (uint32_t k = 1; k <= 5; ++k) CHECK_EQ(got[k], want[k], "value ", k);
  });
}

// Lanes of one warp wait for different barriers and phases: each answer is its own.
TEST(mbarrier_lanes_apart) {
  std::string text =
      "@%p0 mbarrier.init.shared.b64 [bar], 1; @%p0 mbarrier.init.shared.b64 [bar+8], 32; bar.warp.sync -1;\n"
      "and.b32 %r1, %r0, 1; mad.lo.u32 %r2, %r1, 8, %r30; shr.u32 %r3, %r0, 4;\n"
      "mbarrier.try_wait.parity.shared.b64 %p1, [%r2], %r3; selp.u32 %r4, 1, 0, %p1; @%p0 mbarrier.arrive.shared.b64 _, [bar];\n"
      "W: mbarrier.try_wait.parity.shared.b64 %p2, [%r2], 0; @%p2 bra D; mbarrier.arrive.shared.b64 _, [bar+8], 2; bra W;\n"
      "D: st.global.u32 [%rd2], %r4;";
  under_every_policy(block(32), [&](const LaunchConfig& c) {
    auto got = answer(text, c);
    for (uint32_t t = 0; t < 32; ++t) CHECK_EQ(got[t], t >= 16 ? 1u : 0u, "lane ", t);
  });
}

TEST(mbarrier_faults) {
  auto expect = [&](const std::string& text, Trap::Cause cause, const std::vector<std::string>& words,
                    uint32_t threads = 1) {
    trap_under_every_policy(block(threads), [&](const LaunchConfig& c) { answer(text, c); }, cause, words);
  };
  auto wrong = Trap::illegal_instruction;
  expect("mbarrier.arrive.shared.b64 _, [bar];", wrong, {"no initialised mbarrier"});
  expect("mbarrier.init.shared.b64 [bar], 0;", wrong, {"1 to 1048575 arrivals, found 0"});
  expect("mbarrier.init.shared.b64 [bar], 2; mbarrier.arrive.shared.b64 _, [bar], 3;", wrong,
         {"arrival of 3", "2 of 2 arrivals", "PTX line"});
  expect("mbarrier.init.shared.b64 [bar], 1; mbarrier.inval.shared.b64 [bar]; mbarrier.arrive.shared.b64 _, [bar];", wrong,
         {"no initialised mbarrier"});
  expect("mbarrier.init.shared.b64 [bar], 2; mbarrier.arrive.shared.b64 _, [bar]; mbarrier.inval.shared.b64 [bar];", wrong,
         {"mbarrier.inval of an object in use"});
  expect("mbarrier.init.shared.b64 [bar], 1; st.shared.b64 [bar], 0; mbarrier.arrive.shared.b64 _, [bar];", wrong,
         {"were overwritten"});
  expect("mbarrier.init.shared.b64 [bar], 1; mbarrier.arrive.noComplete.shared.b64 %rd3, [bar], 1;", wrong, {".noComplete"});
  expect("mbarrier.init.shared.b64 [bar+4], 1;", Trap::misaligned, {"multiple of 8"});
  expect("mbarrier.init.b64 [%rd1], 1;", Trap::illegal_address, {"lies in shared memory"});
  expect("mbarrier.init.shared.b64 [bar], 1; mbarrier.test_wait.parity.shared.b64 %p1, [bar], 2;", wrong, {"0 or 1, found 2"});
  expect("mbarrier.init.shared.b64 [bar], 1; mov.b64 %rd3, 7; mbarrier.test_wait.shared.b64 %p1, [bar], %rd3;", wrong,
         {"phase 7"});
  expect("mbarrier.init.shared.b64 [bar], 2; mbarrier.arrive.expect_tx.shared.b64 _, [bar], 100;\n" + WAIT_PHASE_0,
         Trap::deadlock, {"warp 0", "1 of 2 arrivals and 100 bytes are still to come", "mbarrier.try_wait"});
}

// Without the barrier behind mbarrier.init nothing says that the object is there when others use it.
TEST(mbarrier_init_needs_a_barrier) {
  std::string rest = " mbarrier.arrive.shared.b64 _, [bar];\n" + WAIT_PHASE_0 + "st.global.u32 [%rd2], 1;";
  under_every_policy(block(64), [&](const LaunchConfig& c) {
    auto got = answer(INIT + "64; bar.sync 0;" + rest, c);
    for (uint32_t t = 0; t < 64; ++t) CHECK_EQ(got[t], 1u);
    Trap t = trap_of([&] { answer(INIT + "64;" + rest, c); });
    std::string s = t.what();
    CHECK(s.find("after its mbarrier.init") != std::string::npos || s.find("no initialised") != std::string::npos, s);
  });
}

TEST(mbarrier_forms) {
  // what PTX does not have has no meaning here
  for (const char* text : {"mbarrier.arrive.shared::cluster.b64 %rd3, [bar];", "mbarrier.test_wait.shared::cluster.b64 %p1, [bar], %rd3;",
                           "mbarrier.init.shared::cluster.b64 [bar], 1;", "mbarrier.arrive.noComplete.shared.b64 %rd3, [bar];"}) {
    Trap t = trap_of([&] { answer(text, block(1)); });
    CHECK(std::string(t.what()).find("no semantics") == 0, t.what());
  }
}

}  // namespace mbarrier_test
