// What orders accesses to tensor memory, and operands of the tensor core: waits, commits, fences, barriers.
#include "multiply_kernel.h"
#include "order_twins.h"

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
  twin(multiply("[[" + FENCE + "]]" + ADDRESS + MMA + COMMIT + WAIT + AFTER + LOAD + RESULT),
       {"tcgen05.mma.cta_group::1.kind::f16 reads shared memory at offset", "st.shared.v4.u32 at PTX line",
        "missing fence.proxy.async between the write and this read through the async proxy"},
       128);
  twin(multiply(FENCE + ADDRESS + MMA + COMMIT + "[[" + WAIT + "]]" + AFTER + LOAD),
       {"tensor memory at lane", "tcgen05.ld.sync.aligned.32x32b.x1.b32", "tcgen05.mma.cta_group::1.kind::f16", "missing"},
       128);
  // operands overwritten under the multiplication, and the result freed
  twin(multiply(FENCE + ADDRESS + MMA + COMMIT + "[[" + WAIT + "]]@%one st.shared.u32 [%r0], 1;\n" +
                (WAIT + LOAD).replace(0, 2, "W1").replace(WAIT.rfind("W0"), 2, "W1") + RESULT),
       {"st.shared.u32 writes shared memory", "reads through the tensor core", "missing"}, 128);
  twin(multiply(FENCE + ADDRESS + MMA + COMMIT + "[[" + WAIT + "]]"), {"tcgen05.dealloc", "writes through the tensor core", "missing"}, 128);
  // no barrier between the threads that write the operands and the one that multiplies
  twin(multiply(FENCE + "[[bar.sync 0;]]\n@%own bra GO;\nbra SKIP;\nGO: bar.warp.sync -1; ld.shared.u32 %t, [place];\n" + MMA + COMMIT +
                "SKIP: bar.sync 0; ld.shared.u32 %t, [place];\n" + WAIT + AFTER + LOAD + RESULT),
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
