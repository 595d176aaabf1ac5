// What orders accesses to tensor memory, and operands of the tensor core: waits, commits, fences, barriers.
#include "order_twins.h"
#include "tcgen05.h"

using namespace sim;
using namespace sim::testing;

namespace {

LaunchConfig threads(unsigned n) {
  LaunchConfig c;
  c.grid = {1}, c.block = {n}, c.max_instructions = 2000000;
  return c;
}
void twin(const std::string& kernel, const std::vector<std::string>& words, unsigned n) {
  Array<uint32_t> out(1024);
  twins(kernel, threads(n), params(out.at, out.at), words);
}

// Warps 0 and 4 reach the same lanes: %p0, %p4.
std::string moves(const std::string& body) {
  return tcgen05_kernel(".reg .b32 %a, %b; .reg .pred %p0, %p4;\nsetp.eq.u32 %p0, %warp, 0; setp.eq.u32 %p4, %warp, 4;\n" + body);
}
const std::string ST = "tcgen05.st.sync.aligned.32x32b.x1.b32 [%t], {%tid32};\n", WAIT_ST = "tcgen05.wait::st.sync.aligned;\n",
                  LD = "tcgen05.ld.sync.aligned.32x32b.x1.b32 {%a}, [%t];\n", WAIT_LD = "tcgen05.wait::ld.sync.aligned;\n";

// 128 threads; A (128x16 f16) at s, B (64x16) at s + 4096, both K-major without swizzle: chunks of 16 bytes lie LBO
// 128 apart, groups of 8 rows SBO 256. Thread 0 is %one.
std::string multiply(const std::string& body, unsigned columns = 64) {
  std::string n = std::to_string(columns);
  return tcgen05_module(
      ".entry k(.param .u64 first, .param .u64 second) {\n.shared .align 1024 .b8 s[8192];\n.shared .align 16 .b8 place[16];\n"
      ".shared .align 8 .b64 bar[2];\n"
      ".reg .b32 %tid32, %t, %warp, %idesc, %r<20>; .reg .b64 %rd<6>, %da, %db; .reg .pred %p, %q, %own, %one, %two, %no, %yes;\n"
      "ld.param.u64 %rd1, [first]; mov.u32 %tid32, %tid.x; shr.u32 %warp, %tid32, 5; setp.eq.u32 %own, %warp, 0;\n"
      "setp.eq.u32 %one, %tid32, 0; setp.eq.u32 %two, %tid32, 32; setp.ne.u32 %no, %tid32, %tid32; setp.eq.u32 %yes, %tid32, %tid32;\n"
      "mov.u32 %idesc, 0x8100010; mov.u32 %r0, s; shr.u32 %r1, %r0, 4; cvt.u64.u32 %da, %r1; or.b64 %da, %da, 0x401000080000;\n"
      "add.s64 %db, %da, 256;\n"
      "@%own tcgen05.alloc.cta_group::1.sync.aligned.shared::cta.b32 [place], 256;\n"
      "@%one mbarrier.init.shared.b64 [bar], 1; @%one mbarrier.init.shared.b64 [bar+8], 1;\n"
      "mad.lo.u32 %r2, %tid32, 64, %r0;\n"
      "FILL: st.shared.v4.u32 [%r2], {0x3c003c00, 0x3c003c00, 0x3c003c00, 0x3c003c00}; add.u32 %r2, %r2, 16;\n"
      "and.b32 %r3, %r2, 63; setp.ne.u32 %q, %r3, 0; @%q bra FILL;\n" +
      body +
      "\ntcgen05.wait::ld.sync.aligned;\nbar.sync 0;\n@%own tcgen05.dealloc.cta_group::1.sync.aligned.b32 %t, 256;\nret;\n}\n");
}
const std::string FENCE = "fence.proxy.async.shared::cta;\n", ADDRESS = "bar.sync 0;\nld.shared.u32 %t, [place];\n",
                  MMA = "@%one tcgen05.mma.cta_group::1.kind::f16 [%t], %da, %db, %idesc, %no;\n",
                  COMMIT = "@%one tcgen05.commit.cta_group::1.mbarrier::arrive::one.shared::cluster.b64 [bar];\n",
                  WAIT = "W0: mbarrier.try_wait.parity.shared.b64 %q, [bar], 0; @!%q bra W0;\n",
                  AFTER = "tcgen05.fence::after_thread_sync;\n",
                  LOAD = "tcgen05.ld.sync.aligned.32x32b.x1.b32 {%r5}, [%t];\n",
                  RESULT = "mul.wide.u32 %rd3, %tid32, 4; add.s64 %rd3, %rd1, %rd3; st.global.u32 [%rd3], %r5;\n";

}  // namespace

TEST(order_tmem_wait_st) {
  // a warp's own load comes after its store: CUTLASS's stream-K epilogue has no wait there
  auto own = Module::load(moves("@%p4 bra END;\n" + ST + LD + WAIT_LD + "END:"));
  under_every_policy(threads(128), [&](const LaunchConfig& c) { launch(*own, *own->entry("k"), c, params(uint64_t(0), uint64_t(0))); });
  twin(moves("@!%p0 bra SKIP;\n" + ST + "[[" + WAIT_ST + "]]SKIP: bar.sync 0;\n@%p4 " + LD + WAIT_LD),
       {"tcgen05.ld", "that warp 0 writes", "missing tcgen05.wait::st and a barrier between the two"}, 160);
  twin(moves("@%p0 " + ST + WAIT_ST + "[[bar.sync 0;]]\n@%p4 " + LD + WAIT_LD),
       {"tensor memory", "tcgen05.st", "tcgen05.ld", "missing"}, 160);
  // freed while the store is in flight
  twin(moves("@%p4 " + ST + "[[" + WAIT_ST + "]]"),
       {"tcgen05.dealloc", "writes tensor memory", "that warp 4 writes", "missing tcgen05.wait::st and a barrier"}, 160);
}

TEST(order_tmem_wait_ld) {
  const std::string filled = "@!%p0 bra FILLED;\n" + ST + WAIT_ST + "FILLED: bar.sync 0;\n";
  twin(moves(filled + "@%p0 " + LD + "[[" + WAIT_LD + "]]bar.sync 0;\n@%p4 " + ST + WAIT_ST),
       {"tcgen05.st.sync.aligned.32x32b.x1.b32 writes tensor memory at lane 0 column 0 that warp 0 reads",
        "missing tcgen05.wait::ld and a barrier between the two"},
       160);
  twin(moves(filled + "@%p4 " + LD + "[[" + WAIT_LD + "]]"), {"tcgen05.dealloc", "that warp 4 reads", "missing tcgen05.wait::ld"}, 160);
  twin(moves(filled + "@%p0 " + LD + "[[" + WAIT_LD + "]]@%p0 " + ST + WAIT_ST),
       {"tcgen05.st", "that this warp reads", "missing tcgen05.wait::ld"}, 160);
  // The hardware waits for a register that is used (PTX 9.7.16.6.4.5): then the load is done. A copy is no use.
  auto used = Module::load(moves(filled + "@%p0 " + LD + "mov.b32 %b, %a; add.u32 %b, %b, 1;\nbar.sync 0;\n@%p4 " + ST + WAIT_ST));
  under_every_policy(threads(160), [&](const LaunchConfig& c) { launch(*used, *used->entry("k"), c, params(uint64_t(0), uint64_t(0))); });
  auto copied = Module::load(moves(filled + "@%p0 " + LD + "mov.b32 %b, %a;\nbar.sync 0;\n@%p4 " + ST + WAIT_ST));
  trap_under_every_policy(threads(160), [&](const LaunchConfig& c) { launch(*copied, *copied->entry("k"), c, params(uint64_t(0), uint64_t(0))); },
                          Trap::race, {"missing tcgen05.wait::ld"});
}

TEST(order_tmem_multiply) {
  const std::string whole = FENCE + ADDRESS + MMA + COMMIT + WAIT + AFTER + LOAD + RESULT;
  auto m = Module::load(multiply(whole));
  under_every_policy(threads(128), [&](const LaunchConfig& c) {
    Array<float> out(128);
    launch(*m, *m->entry("k"), c, params(out.at, uint64_t(0)));
    for (unsigned t = 0; t < 128; ++t) CHECK_EQ(out[t], 16.f, "thread ", t);
  });
  twin(multiply("[[" + FENCE + "]]" + ADDRESS + MMA + COMMIT + WAIT + AFTER + LOAD),
       {"tcgen05.mma.cta_group::1.kind::f16 reads shared memory at offset", "st.shared.v4.u32 at PTX line",
        "missing fence.proxy.async between the write and this read through the async proxy"},
       128);
  twin(multiply(FENCE + ADDRESS + MMA + COMMIT + "[[" + WAIT + "]]" + AFTER + LOAD),
       {"tensor memory at lane", "tcgen05.ld.sync.aligned.32x32b.x1.b32", "tcgen05.mma.cta_group::1.kind::f16", "missing"},
       128);
  // operands overwritten under the multiplication, and the result freed
  twin(multiply(FENCE + ADDRESS + MMA + COMMIT + "[[" + WAIT + "]]@%one st.shared.u32 [%r0], 1;\n" + (WAIT + LOAD).replace(0, 2, "W1").replace(WAIT.rfind("W0"), 2, "W1")),
       {"st.shared.u32 writes shared memory", "reads through the tensor core", "missing"}, 128);
  twin(multiply(FENCE + ADDRESS + MMA + COMMIT + "[[" + WAIT + "]]"), {"tcgen05.dealloc", "writes through the tensor core", "missing"}, 128);
  // no barrier between the threads that write the operands and the one that multiplies
  twin(multiply(FENCE + "[[bar.sync 0;]]\n@%own bra GO;\nbra SKIP;\nGO: bar.warp.sync -1; ld.shared.u32 %t, [place];\n" + MMA + COMMIT +
                "SKIP: bar.sync 0; ld.shared.u32 %t, [place];\n" + WAIT + AFTER + LOAD),
       {"tcgen05.mma", "st.shared.v4.u32", "missing"}, 128);
}

// The accumulator is loaded by all warps, then multiplied into again.
TEST(order_tmem_accumulator_reused) {
  const std::string again = "@%one tcgen05.mma.cta_group::1.kind::f16 [%t], %da, %db, %idesc, %yes;\n"
      "@%one tcgen05.commit.cta_group::1.mbarrier::arrive::one.shared::cluster.b64 [bar+8];\n"
      "W1: mbarrier.try_wait.parity.shared.b64 %q, [bar+8], 0; @!%q bra W1;\n";
  const std::string first = FENCE + ADDRESS + MMA + COMMIT + WAIT + AFTER + LOAD;
  twin(multiply(first + "[[" + WAIT_LD + "]]bar.sync 0;\n" + again), {"tcgen05.mma", "writes tensor memory", "reads", "missing tcgen05.wait::ld"}, 128);
  twin(multiply(first + WAIT_LD + "[[bar.sync 0;]]\n" + again), {"tensor memory", "tcgen05.mma", "tcgen05.ld", "missing"}, 128);
  // A in tensor memory, stored by the warps
  const std::string a = "tcgen05.st.sync.aligned.32x32b.x8.b32 [%r6], {%r7, %r7, %r7, %r7, %r7, %r7, %r7, %r7};\n";
  twin(multiply(FENCE + ADDRESS + "add.u32 %r6, %t, 128; mov.u32 %r7, 0x3c003c00;\n" + a + "[[" + WAIT_ST + "]]bar.sync 0;\n"
                "@%one tcgen05.mma.cta_group::1.kind::f16 [%t], [%r6], %db, %idesc, %no;\n" + COMMIT + WAIT + AFTER + LOAD),
       {"tcgen05.mma", "reads tensor memory", "writes (tcgen05.st.sync.aligned.32x32b.x8.b32", "missing tcgen05.wait::st"}, 128);
}

// Two warps multiply into one accumulator without waiting: the pipeline keeps them in order behind fences around the
// barrier (PTX 9.1 #tcgen05-memory-consistency-model-canonical-sync-patterns-pipelined-diff-thread).
TEST(order_tmem_pipelined_by_fences) {
  const std::string second = "@%two tcgen05.mma.cta_group::1.kind::f16 [%t], %da, %db, %idesc, %yes;\n"
      "@%two tcgen05.commit.cta_group::1.mbarrier::arrive::one.shared::cluster.b64 [bar];\n";
  for (const char* lacks : {"tcgen05.fence::before_thread_sync;\n", "tcgen05.fence::after_thread_sync;\n"}) {
    const bool before = std::string(lacks).find("before") != std::string::npos;
    auto part = [&](bool mine, const char* text) { return mine ? "[[" + std::string(text) + "]]" : std::string(text); };
    twin(multiply(FENCE + ADDRESS + MMA + part(before, "tcgen05.fence::before_thread_sync;\n") + "bar.sync 0;\n" +
                  part(!before, "tcgen05.fence::after_thread_sync;\n") + second + WAIT + AFTER +
                  "@%one tcgen05.commit.cta_group::1.mbarrier::arrive::one.shared::cluster.b64 [bar+8];\n"
                  "W1: mbarrier.try_wait.parity.shared.b64 %q, [bar+8], 0; @!%q bra W1;\n" + LOAD),
         {"tcgen05.mma.cta_group::1.kind::f16 writes tensor memory", "that warp 0 writes through the tensor core",
          before ? "missing" : "missing tcgen05.fence::after_thread_sync behind the barrier"},
         128);
  }
}

// tcgen05.commit: both kinds of address, generic and shared, and a mask of CTAs.
TEST(order_tmem_commit_addresses) {
  const std::string generic = "mov.u64 %rd4, bar; cvta.shared.u64 %rd4, %rd4;\n@%one tcgen05.commit.cta_group::1.mbarrier::arrive::one.b64 [%rd4];\n",
                    wide = "mov.u64 %rd4, bar;\n@%one tcgen05.commit.cta_group::1.mbarrier::arrive::one.shared::cluster.b64 [%rd4];\n",
                    narrow = "mov.u32 %r8, bar;\n@%one tcgen05.commit.cta_group::1.mbarrier::arrive::one.shared::cluster.b64 [%r8];\n",
                    mask = "mov.u32 %r8, bar; mov.u32 %r9, 1; cvt.u16.u32 %h, %r9;\n@%one tcgen05.commit.cta_group::1.mbarrier::arrive::one.shared::cluster.multicast::cluster.b64 [%r8], %h;\n";
  for (const std::string& commit : {generic, wide, narrow, mask}) {
    auto m = Module::load(multiply(".reg .b16 %h;\n" + FENCE + ADDRESS + MMA + commit + WAIT + AFTER + LOAD + RESULT));
    under_every_policy(threads(128), [&](const LaunchConfig& c) {
      Array<float> out(128);
      launch(*m, *m->entry("k"), c, params(out.at, uint64_t(0)));
      CHECK_EQ(out[77], 16.f, commit);
    });
  }
  auto outside = Module::load(multiply(".reg .b16 %h;\n" + FENCE + ADDRESS + MMA +
                                       "mov.u32 %r8, bar; mov.u32 %r9, 3; cvt.u16.u32 %h, %r9;\n@%one tcgen05.commit.cta_group::1.mbarrier::arrive::one.shared::cluster.multicast::cluster.b64 [%r8], %h;\n"));
  Trap t = trap_of([&] { launch(*outside, *outside->entry("k"), threads(128), params(uint64_t(0), uint64_t(0))); });
  CHECK(std::string(t.what()).find("names CTA rank 1 in its mask, of a cluster of 1") != std::string::npos, t.what());
}
