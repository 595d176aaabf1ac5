// Clusters: peers' addresses and memory, the cluster's barrier, asynchronous stores, launches that are cancelled.
#include <algorithm>

#include "policies.h"

using namespace sim;

namespace cluster_test {
using namespace sim::testing;

namespace {

std::string entry(const std::string& text, const std::string& directives = "") {
  return ".version 9.0\n.target sm_100a\n.address_size 64\n.entry k(.param .u64 out) " + directives +
         " {\n"
         ".reg .b32 %r<40>; .reg .b64 %rd<40>; .reg .b128 %x<4>; .reg .pred %p<16>; .reg .f32 %f<8>;\n"
         ".shared .align 16 .b8 s[512]; .shared .align 8 .b64 bar[4];\n"
         "ld.param.u64 %rd1, [out]; mov.u32 %r0, %tid.x; mov.u32 %r1, %cluster_ctarank; mov.u32 %r2, %ctaid.x;\n"
         "mov.u32 %r3, %ntid.x; mad.lo.u32 %r4, %r2, %r3, %r0; mul.wide.u32 %rd2, %r4, 4; add.s64 %rd2, %rd1, %rd2;\n"
         "setp.eq.u32 %p0, %r0, 0; mov.u32 %r30, s; mov.u32 %r31, bar; mov.u64 %rd30, s; cvta.shared.u64 %rd31, %rd30;\n" +
         text + "\nret;\n}\n";
}

LaunchConfig clusters(uint32_t grid, uint32_t cluster, uint32_t threads) {
  LaunchConfig c;
  c.grid = {grid, 1, 1}, c.cluster = {cluster, 1, 1}, c.block = {threads, 1, 1};
  return c;
}

std::vector<uint32_t> answer(const std::string& text, const LaunchConfig& c, LaunchResult* result = nullptr) {
  auto m = Module::load(text.find(".version") == 0 ? text : entry(text));
  Array<uint32_t> out(std::vector<uint32_t>(4096, 0xeeeeeeee));
  LaunchResult r = launch(*m, *m->entry("k"), c, params(out.at));
  if (result) *result = r;
  return out.values();
}

const std::string SYNC = "barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;\n";

}  // namespace

// Every CTA reads its neighbour's word through each kind of address.
TEST(cluster_reads_a_peer) {
  std::string text =
      "mad.lo.u32 %r5, %r0, 4, %r30; mul.lo.u32 %r6, %r4, 7; st.shared.u32 [%r5], %r6;\n" + SYNC +
      "add.u32 %r7, %r1, 1; and.b32 %r7, %r7, 3; mapa.shared::cluster.u32 %r8, %r5, %r7;\n"
      "ld.shared::cluster.u32 %r9, [%r8]; mul.wide.u32 %rd3, %r0, 4; add.s64 %rd3, %rd31, %rd3;\n"
      "mapa.u64 %rd4, %rd3, %r7; ld.u32 %r10, [%rd4]; add.u32 %r11, %r9, %r10;\n"
      "mapa.shared::cluster.u64 %rd5, s, %r7; cvt.u32.u64 %r12, %rd5; mad.lo.u32 %r12, %r0, 4, %r12;\n"
      "ld.shared::cluster.u32 %r13, [%r12]; add.u32 %r11, %r11, %r13; getctarank.shared::cluster.u32 %r14, %r8;\n"
      "getctarank.u64 %r15, %rd4; add.u32 %r14, %r14, %r15; mad.lo.u32 %r11, %r14, 100000, %r11;\n"
      "isspacep.shared::cluster %p1, %rd4; isspacep.shared::cta %p2, %rd4; isspacep.shared %p3, %rd3;\n"
      "@!%p1 mov.u32 %r11, 1; @%p2 mov.u32 %r11, 2; @!%p3 mov.u32 %r11, 3;\n" +
      SYNC + "st.global.u32 [%rd2], %r11;";
  under_every_policy(clusters(8, 4, 64), [&](const LaunchConfig& c) {
    auto got = answer(text, c);
    for (uint32_t k = 0; k < 8 * 64; ++k) {
      uint32_t cta = k / 64, rank = cta % 4, other = cta / 4 * 4 + (rank + 1) % 4, word = (other * 64 + k % 64) * 7;
      CHECK_EQ(got[k], 3 * word + 2 * ((rank + 1) % 4) * 100000, "thread ", k);
    }
  });
}

TEST(cluster_writes_and_atomics_on_a_peer) {
  std::string text = "@%p0 st.shared.v2.u32 [s], {0, 0};\n" + SYNC +
                     "mov.u32 %r7, 0; mapa.shared::cluster.u32 %r8, %r30, %r7; atom.shared::cluster.add.u32 %r9, [%r8], 1;\n"
                     "mapa.u64 %rd4, %rd31, %r7; red.add.u32 [%rd4+4], 2;\n" + SYNC +
                     "@%p0 setp.eq.u32 %p1, %r1, 0; @!%p0 setp.ne.u32 %p1, %r0, %r0; ld.shared.v2.u32 {%r10, %r11}, [s];\n"
                     "add.u32 %r10, %r10, %r11; @%p1 st.global.u32 [%rd2], %r10;";
  under_every_policy(clusters(2, 2, 96), [&](const LaunchConfig& c) { CHECK_EQ(answer(text, c)[0], 3u * 192); });
}

TEST(cluster_special_registers) {
  const char* names[] = {"%clusterid.x",      "%nclusterid.x",      "%cluster_ctaid.x",  "%cluster_nctaid.x", "%cluster_ctarank",
                         "%cluster_nctarank", "%cluster_ctaid.y",   "%cluster_nctaid.y", "%clusterid.y",      "%nclusterid.y"};
  std::string text = "mov.u32 %r5, %ctaid.y; mad.lo.u32 %r5, %r5, 6, %r2; mul.wide.u32 %rd2, %r5, 64; add.s64 %rd2, %rd1, %rd2;\n";
  for (int k = 0; k < 10; ++k)
    text += std::string("mov.u32 %r9, ") + names[k] + "; st.global.u32 [%rd2+" + std::to_string(4 * k) + "], %r9;\n";
  text += "mov.pred %p1, %is_explicit_cluster; selp.u32 %r9, 1, 0, %p1; st.global.u32 [%rd2+40], %r9;";
  LaunchConfig c = clusters(6, 3, 1);
  c.grid.y = 4, c.cluster.y = 2;
  auto got = answer(text, c);
  for (uint32_t y = 0; y < 4; ++y)
    for (uint32_t x = 0; x < 6; ++x) {
      const uint32_t want[] = {x / 3, 2, x % 3, 3, x % 3 + y % 2 * 3, 6, y % 2, 2, y / 2, 2, 1};
      for (uint32_t k = 0; k < 11; ++k) CHECK_EQ(got[(y * 6 + x) * 16 + k], want[k], "CTA ", x, ",", y, " value ", k);
    }
  CHECK_EQ(answer(text, clusters(6, 1, 1))[10], 0u, "no cluster was named");
}

// Threads that have left are not waited for; a relaxed arrival orders nothing that no fence published.
TEST(cluster_barrier) {
  std::string early = "setp.gt.u32 %p1, %r1, 1; @%p1 exit; setp.gt.u32 %p1, %r0, 40; @%p1 exit;\n" + SYNC + SYNC +
                      "st.global.u32 [%rd2], 5;";
  under_every_policy(clusters(4, 4, 64), [&](const LaunchConfig& c) {
    auto got = answer(early, c);
    for (uint32_t k = 0; k < 256; ++k) CHECK_EQ(got[k], k < 128 && k % 64 <= 40 ? 5u : 0xeeeeeeeeu, "thread ", k);
  });
  auto hand_over = [&](const std::string& fence, const std::string& arrive) {
    return "@%p0 st.shared.u32 [s], %r2;\n" + fence + "barrier.cluster." + arrive +
           "; barrier.cluster.wait.acquire; xor.b32 %r7, %r1, 1; mapa.shared::cluster.u32 %r8, %r30, %r7;\n"
           "ld.shared::cluster.u32 %r9, [%r8];\n" + SYNC + "st.global.u32 [%rd2], %r9;";
  };
  for (auto [fence, arrive] : {std::pair{"fence.acq_rel.cluster;", "arrive.relaxed"}, {"", "arrive.release"}, {"", "arrive"},
                               {"membar.gl;", "arrive.relaxed"}, {"fence.release.sync_restrict::shared::cta.cluster;", "arrive.relaxed"}})
    under_every_policy(clusters(2, 2, 64), [&, f = fence, a = arrive](const LaunchConfig& c) {
      auto got = answer(hand_over(f, a), c);
      for (uint32_t k = 0; k < 128; ++k) CHECK_EQ(got[k], k < 64 ? 1u : 0u);
    });
  trap_under_every_policy(
      clusters(2, 2, 64), [&](const LaunchConfig& c) { answer(hand_over("", "arrive.relaxed"), c); }, Trap::race,
      {"reads shared memory", "nothing orders the two", "of CTA rank"});
}

TEST(cluster_mbarrier_of_a_peer) {
  // thread 0 of rank 1 arrives at rank 0's object, whose threads wait
  auto text = [](const std::string& fence, const std::string& arrive) {
    return "setp.eq.u32 %p1, %r1, 0; and.pred %p2, %p0, %p1; @%p2 mbarrier.init.shared::cta.b64 [bar], 64; " + fence +
           "barrier.cluster.arrive.relaxed.aligned; barrier.cluster.wait.acquire.aligned;\n"
           "@%p1 bra W; mov.u32 %r5, 0; mapa.shared::cluster.u32 %r6, %r30, %r5; mapa.shared::cluster.u32 %r7, %r31, %r5;\n"
           "mad.lo.u32 %r6, %r0, 4, %r6; st.shared::cluster.u32 [%r6], %r4; " + arrive + "bra D;\n"
           "W: mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 %p3, [bar], 0; @!%p3 bra W;\n"
           "mad.lo.u32 %r5, %r0, 4, %r30; ld.shared.u32 %r5, [%r5]; st.global.u32 [%rd2], %r5;\nD: " + SYNC;
  };
  const std::string fence = "fence.mbarrier_init.release.cluster; ";
  for (std::string arrive : {"mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%r7];", "mbarrier.arrive.shared::cluster.b64 _, [%r7], 1;",
                             "fence.acq_rel.cluster; mbarrier.arrive.relaxed.cluster.shared::cluster.b64 _, [%r7];"})
    under_every_policy(clusters(2, 2, 64), [&](const LaunchConfig& c) {
      auto got = answer(text(fence, arrive), c);
      for (uint32_t k = 0; k < 64; ++k) CHECK_EQ(got[k], k + 64, "with ", arrive);
    });
  trap_under_every_policy(
      clusters(2, 2, 64),
      [&](const LaunchConfig& c) { answer(text(fence, "mbarrier.arrive.relaxed.cluster.shared::cluster.b64 _, [%r7];"), c); },
      Trap::race, {"reads shared memory", "writes (st.shared::cluster.u32"});
  trap_under_every_policy(
      clusters(2, 2, 64),
      [&](const LaunchConfig& c) { answer(text("", "mbarrier.arrive.shared::cluster.b64 _, [%r7];"), c); }, Trap::race,
      {"after its mbarrier.init"});
  trap_under_every_policy(
      clusters(2, 2, 64), [&](const LaunchConfig& c) { answer(text(fence, "mbarrier.arrive.shared::cta.b64 _, [%r7];"), c); },
      Trap::illegal_address, {"found an address of CTA rank 0"});
}

// Rank 1 sends words and sums to rank 0, which waits for their bytes.
TEST(cluster_st_async_and_red_async) {
  auto text = [](const std::string& wait, uint32_t bytes) {
    return "setp.eq.u32 %p1, %r1, 0; and.pred %p2, %p0, %p1; @%p2 mbarrier.init.shared::cta.b64 [bar], 1;\n"
           "@%p2 st.shared.v4.u32 [s+256], {7, 7, 0xff, 0xf0}; @%p2 st.shared.v2.u32 [s+272], {5, 0}; @%p2 st.shared.u64 [s+280], 1;\n"
           "@%p2 st.bulk [%rd31], 48, 0; @%p2 mbarrier.arrive.expect_tx.shared::cta.b64 _, [bar], " + std::to_string(bytes) + "; fence.mbarrier_init.release.cluster; " + SYNC +
           "@%p1 bra W; @!%p0 bra D; mov.u32 %r5, 0; mapa.shared::cluster.u32 %r6, %r30, %r5; mapa.shared::cluster.u32 %r7, %r31, %r5;\n"
           "mapa.u64 %rd5, %rd31, %r5; cvt.u64.u32 %rd6, %r7; add.s64 %rd6, %rd6, 0x10000000000;\n"
           "mov.f32 %f1, 0f3f800000; mov.f32 %f2, 0f40000000; mov.u64 %rd7, 0x123456789a;\n"
           "st.async.shared::cluster.mbarrier::complete_tx::bytes.u32 [%r6], 11, [%r7];\n"
           "st.async.weak.shared::cluster.mbarrier::complete_tx::bytes.v2.f32 [%r6+8], {%f1, %f2}, [%r7];\n"
           "st.async.mbarrier::complete_tx::bytes.b64 [%rd5+16], %rd7, [%rd6];\n"
           "st.async.shared::cluster.mbarrier::complete_tx::bytes.v4.b32 [%r6+32], {1, 2, 3, 4}, [%r7];\n"
           "red.async.relaxed.cluster.shared::cluster.mbarrier::complete_tx::bytes.add.u32 [%r6+256], 5, [%r7];\n"
           "red.async.relaxed.cluster.shared::cluster.mbarrier::complete_tx::bytes.add.u32 [%r6+256], 6, [%r7];\n"
           "red.async.relaxed.cluster.shared::cluster.mbarrier::complete_tx::bytes.min.s32 [%r6+260], -3, [%r7];\n"
           "red.async.relaxed.cluster.shared::cluster.mbarrier::complete_tx::bytes.and.b32 [%r6+264], 0x3c, [%r7];\n"
           "red.async.relaxed.cluster.shared::cluster.mbarrier::complete_tx::bytes.xor.b32 [%r6+268], 0xff, [%r7];\n"
           "red.async.relaxed.cluster.shared::cluster.mbarrier::complete_tx::bytes.inc.u32 [%r6+272], 5, [%r7];\n"
           "red.async.relaxed.cluster.mbarrier::complete_tx::bytes.add.u64 [%rd5+280], %rd7, [%rd6];\nbra D;\n"
           "W: " + wait + "@!%p0 bra D; ld.shared.u32 %r9, [s]; st.global.u32 [%rd1], %r9; ld.shared.v2.u32 {%r9, %r10}, [s+8];\n"
           "st.global.v2.u32 [%rd1+8], {%r9, %r10}; ld.shared.u64 %rd9, [s+16]; st.global.u64 [%rd1+16], %rd9;\n"
           "ld.shared.v4.u32 {%r9, %r10, %r11, %r12}, [s+32]; st.global.v4.u32 [%rd1+32], {%r9, %r10, %r11, %r12};\n"
           "ld.shared.v4.u32 {%r9, %r10, %r11, %r12}, [s+256]; st.global.v4.u32 [%rd1+64], {%r9, %r10, %r11, %r12};\n"
           "ld.shared.u32 %r9, [s+272]; st.global.u32 [%rd1+80], %r9; ld.shared.u64 %rd9, [s+280]; st.global.u64 [%rd1+88], %rd9;\nD: " + SYNC;
  };
  const std::string wait = "L: mbarrier.try_wait.parity.shared::cta.b64 %p3, [bar], 0; @!%p3 bra L;\n";
  LaunchConfig two = clusters(2, 2, 32);
  under_every_policy(two, [&](const LaunchConfig& c) {
    auto got = answer(text(wait, 68), c);
    const std::pair<int, uint32_t> want[] = {{0, 11}, {2, 0x3f800000}, {3, 0x40000000}, {4, 0x3456789a}, {5, 0x12}, {8, 1}, {9, 2}, {10, 3},
                                             {11, 4}, {16, 18}, {17, uint32_t(-3)}, {18, 0x3c}, {19, 0x0f}, {20, 0}, {22, 0x3456789b}, {23, 0x12}};
    for (auto [k, v] : want) CHECK_EQ(got[size_t(k)], v, "word ", k);
  });
  // read without the wait; more announced than comes; less
  trap_under_every_policy(two, [&](const LaunchConfig& c) { answer(text("", 68), c); }, Trap::race,
                          {"shared memory at offset", "missing"}, false);
  trap_under_every_policy(two, [&](const LaunchConfig& c) { answer(text(wait, 72), c); }, Trap::deadlock,
                          {"announced 4 bytes more than", "PTX line"});
  Trap more = trap_of([&] { answer(text(wait, 64), two); });
  CHECK(std::string(more.what()).find("the copies brought 4 bytes more") != std::string::npos, more.what());
  Trap early = trap_of([&] { answer(text(wait, 60), two); });  // in order the first ten bring just as many
  std::string said = early.what();
  CHECK(said.find("fewer bytes") != std::string::npos || said.find("which has exited") != std::string::npos, said);
}

TEST(cluster_st_bulk_and_async_to_global) {
  std::string text =
      "@%p0 st.bulk.weak.shared::cta [s], 256, 0; mov.u32 %r5, 16; @%p0 st.bulk [%rd31+256], %r5, 0; bar.sync 0;\n"
      "mad.lo.u32 %r6, %r0, 4, %r30; ld.shared.u32 %r7, [%r6+4]; add.u32 %r7, %r7, 3;\n"
      "st.async.release.gpu.global.u32 [%rd2], %r7; @%p0 red.async.release.gpu.global.add.u32 [%rd1+1024], 9;";
  under_every_policy(clusters(1, 1, 64), [&](const LaunchConfig& c) {
    auto got = answer(text, c);
    for (uint32_t k = 0; k < 64; ++k) CHECK_EQ(got[k], 3u);
    CHECK_EQ(got[256], 0xeeeeeeeeu + 9);
  });
  trap_under_every_policy(clusters(1, 1, 1), [&](const LaunchConfig& c) { answer("st.bulk [%rd31], 12, 0;", c); },
                          Trap::illegal_instruction, {"multiple of 8", "found 12"});
}

TEST(cluster_faults) {
  LaunchConfig two = clusters(2, 2, 32);
  auto expect = [&](const std::string& text, Trap::Cause cause, const std::vector<std::string>& words) {
    trap_under_every_policy(two, [&](const LaunchConfig& c) { answer(text, c); }, cause, words);
  };
  // a peer that has left
  expect("setp.eq.u32 %p1, %r1, 1; @%p1 st.shared.u32 [s], 1; " + SYNC +
             "@%p1 exit; mov.u32 %r9, 0; L: add.u32 %r9, %r9, 1; nanosleep.u32 20; setp.lt.u32 %p2, %r9, 3000; @%p2 bra L;\n"
             "mov.u32 %r7, 1; mapa.shared::cluster.u32 %r8, %r30, %r7; ld.shared::cluster.u32 %r9, [%r8];",
         Trap::illegal_address, {"CTA rank 1, which has exited"});
  // a peer that leaves later only because it happens to be slow; what it waits for in the end makes it right
  const std::string reads = "st.shared.u32 [s], %r1; " + SYNC +
                            "setp.eq.u32 %p1, %r1, 0; xor.b32 %r7, %r1, 1; mapa.shared::cluster.u32 %r8, %r30, %r7;\n"
                            "@%p1 ld.shared::cluster.u32 %r9, [%r8]; ";
  const std::string slow = "@%p1 bra E; mov.u32 %r9, 0; L: add.u32 %r9, %r9, 1; nanosleep.u32 20; setp.lt.u32 %p2, %r9, 3000; @%p2 bra L;\nE: ";
  expect(reads + slow, Trap::race,
         {"CTA rank 1 exits, whose shared memory at offset 1056", "warp 0 of CTA rank 0 reads (ld.shared::cluster.u32", "barrier.cluster"});
  under_every_policy(two, [&](const LaunchConfig& c) { answer(reads + SYNC + slow, c); });
  expect("mov.u32 %r7, 2; mapa.shared::cluster.u32 %r8, %r30, %r7; st.shared::cluster.u32 [%r8], 1;", Trap::illegal_address,
         {"of CTA rank 2 of a cluster of 2"});
  expect("xor.b32 %r7, %r1, 1; mapa.shared::cluster.u32 %r8, %r30, %r7; st.shared.u32 [%r8], 1;", Trap::illegal_address,
         {"a peer's memory takes .shared::cluster"});
  expect("mapa.u64 %rd5, %rd1, 0;", Trap::illegal_address, {"mapa expects a generic address of shared memory"});
  expect("barrier.cluster.wait.aligned;", Trap::illegal_instruction, {"has not executed barrier.cluster.arrive"});
  expect("setp.eq.u32 %p1, %r1, 0; @%p1 barrier.cluster.arrive; @%p1 barrier.cluster.arrive; " + SYNC, Trap::illegal_instruction,
         {"twice before it completes"});
  expect("setp.eq.u32 %p1, %r1, 0; @%p1 bra A; bar.sync 1, 64;\nA: " + SYNC, Trap::deadlock,
         {"CTA rank 1 warp 0", "barrier 1 for 64 threads", "barrier of the cluster, which has not been reached by warp 0 of CTA rank 1"});
  auto refused = [&](const std::string& directives, const LaunchConfig& c, const std::string& words) {
    try {
      answer(entry("", directives), c);
    } catch (const std::invalid_argument& e) {
      CHECK(std::string(e.what()).find(words) != std::string::npos, e.what());
      return;
    }
    throw std::runtime_error("expected a refusal: " + words);
  };
  LaunchConfig portable = clusters(16, 16, 1), odd = clusters(6, 4, 1);
  answer(entry(""), portable);
  portable.non_portable_cluster = false;
  refused("", portable, "at most 8 CTAs a cluster unless");
  refused("", odd, "multiple of the cluster");
  refused("", clusters(32, 32, 1), "1 to 16 CTAs");
  refused(".explicitcluster", clusters(2, 1, 1), ".explicitcluster");
  refused(".maxclusterrank 2", clusters(4, 4, 1), ".maxclusterrank");
  refused(".reqnctapercluster 2", clusters(4, 4, 1), ".reqnctapercluster");
  answer(entry("", ".explicitcluster .reqnctapercluster 2"), clusters(4, 1, 1));
  answer(entry("", ".explicitcluster .maxclusterrank 4"), clusters(4, 4, 1));
}

// Every CTA id of the grid is worked on once, whoever does it: by its own cluster, or by one that cancelled its launch.
TEST(cluster_launch_control) {
  // CTAs of the cluster count their own part: word ctaid of the output goes up by one
  auto text = [](const std::string& form, bool z) {
    std::string id = z ? "clusterlaunchcontrol.query_cancel.get_first_ctaid::x.b32.b128 %r10, %x1;\n"
                       : "@%p4 clusterlaunchcontrol.query_cancel.get_first_ctaid.v4.b32.b128 {%r10, %r11, _, _}, %x1;\n";
    return "mov.u32 %r9, %r2; mov.u32 %r20, 0; @%p0 mbarrier.init.shared::cta.b64 [bar], 1; fence.mbarrier_init.release.cluster; " + SYNC +
           "L: @%p0 mbarrier.arrive.expect_tx.relaxed.cluster.shared::cta.b64 _, [bar], 16; setp.eq.u32 %p2, %r1, 0; and.pred %p2, %p2, %p0;\n"
           "@%p2 clusterlaunchcontrol.try_cancel.async.shared::cta.mbarrier::complete_tx::bytes" + form + ".b128 [%r30], [%r31];\n"
           "mul.wide.u32 %rd5, %r9, 4; add.s64 %rd5, %rd1, %rd5; @%p0 red.global.add.u32 [%rd5], 1;\n"
           "W: mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 %p3, [bar], %r20; @!%p3 bra W; xor.b32 %r20, %r20, 1;\n"
           "ld.shared.b128 %x1, [s]; clusterlaunchcontrol.query_cancel.is_canceled.pred.b128 %p4, %x1;\n@!%p4 bra E;\n" + id +
           "add.u32 %r9, %r10, %r1; fence.proxy.async::generic.release.sync_restrict::shared::cta.cluster;\n"
           "barrier.cluster.arrive.relaxed; barrier.cluster.wait; fence.proxy.async::generic.acquire.sync_restrict::shared::cluster.cluster;\nbra L;\n"
           "E: add.s64 %rd6, %rd1, 8192; @%p2 red.global.add.u32 [%rd6], 1;";
  };
  for (auto [grid, cluster] : {std::pair{700u, 1u}, {2u, 1u}, {1u, 1u}, {240u, 4u}, {8u, 4u}})
    under_every_policy(clusters(grid, cluster, 64), [&, g = grid, n = cluster](const LaunchConfig& c) {
      auto got = answer(text(n == 1 ? "" : ".multicast::cluster::all", g % 8 == 0), c);
      for (uint32_t k = 0; k < g; ++k) CHECK_EQ(got[k], 0xeeeeeeefu, "CTA ", k, " of ", g);
      uint32_t ran = got[2048] - 0xeeeeeeeeu;
      CHECK(ran >= 1 && ran <= g / n, ran, " clusters ran");
      if (c.async == AsyncPolicy::lazy && g > 2 * n) CHECK(ran <= (g / n + 1) / 2, ran, " clusters ran: launches were cancelled");
    });
  trap_under_every_policy(
      clusters(1, 1, 32),
      [&](const LaunchConfig& c) {
        std::string again = text("", false);
        size_t e = again.find("@!%p4 bra E;");
        answer(again.replace(e, 12, "@!%p4 bra L;"), c);
      },
      Trap::illegal_instruction, {"has seen an earlier request fail"});
}

}  // namespace cluster_test
