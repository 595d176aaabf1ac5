// Accesses to shared memory that nothing orders: by warps, by cp.async, by bulk copies.
#include "order_twins.h"

using namespace sim;

namespace order_shared_test {
using namespace sim::testing;

namespace {

// s: 4096 bytes; %r0 thread, %r1 warp, %r2 lane, %r3 s + 4 * thread; %p0 to %p3 warp is 0 to 3, %lane0 thread 0
std::string kernel(const std::string& body) {
  return ".version 9.0\n.target sm_100a\n.address_size 64\n.entry k(.param .u64 global) {\n"
         ".shared .align 128 .b8 s[4096]; .shared .align 8 .b64 bar[2];\n"
         ".reg .b32 %r<30>; .reg .b64 %rd<9>; .reg .pred %p<8>, %q, %lane0;\n"
         "ld.param.u64 %rd1, [global]; mov.u32 %r0, %tid.x; shr.u32 %r1, %r0, 5; and.b32 %r2, %r0, 31;\n"
         "mov.u32 %r3, s; mad.lo.u32 %r3, %r0, 4, %r3; mov.u32 %r4, s; mov.u32 %r5, bar; setp.eq.u32 %lane0, %r0, 0;\n"
         "setp.eq.u32 %p0, %r1, 0; setp.eq.u32 %p1, %r1, 1; setp.eq.u32 %p2, %r1, 2; setp.eq.u32 %p3, %r1, 3;\n" +
         body + "\nret;\n}\n";
}
LaunchConfig threads(unsigned n) {
  LaunchConfig c;
  c.grid = {1}, c.block = {n}, c.max_instructions = 1000000;
  return c;
}
void clean(const std::string& body, unsigned n = 128) {
  auto m = Module::load(kernel(body));
  Array<uint32_t> global(std::vector<uint32_t>(1024, 7));
  under_every_policy(threads(n), [&](const LaunchConfig& c) { launch(*m, *m->entry("k"), c, params(global.at)); });
}
void twin(const std::string& body, const std::vector<std::string>& words, unsigned n = 128) {
  Array<uint32_t> global(std::vector<uint32_t>(1024, 7));
  twins(kernel(body), threads(n), params(global.at), words);
}
const std::string BARRIER = "a barrier between the two (bar.sync, an mbarrier or barrier.cluster)";
const std::string WAIT0 = "W0: mbarrier.try_wait.parity.shared.b64 %q, [bar], 0; @!%q bra W0;\n";

}  // namespace

TEST(order_missing_barrier) {
  twin("st.shared.u32 [%r3], %r0;\n[[bar.sync 0;]]\nxor.b32 %r6, %r3, 128; ld.shared.u32 %r7, [%r6];\n",
       {"st.shared.u32", "ld.shared.u32", "shared memory at offset", "missing " + BARRIER, "PTX line 10", "PTX line 12"});
  // one warp's words, written and read by vectors, 32 lanes at scattered places
  twin("mul.lo.u32 %r6, %r2, 68; and.b32 %r6, %r6, 0xff0; add.u32 %r6, %r6, %r4;\n"
       "@%p1 st.shared.v4.u32 [%r6], {%r0, %r0, %r0, %r0};\n[[bar.sync 0;]]\n@%p0 ld.shared.u32 %r7, [%r6+4];\n",
       {"st.shared.v4.u32", "ld.shared.u32", "missing " + BARRIER});
}

TEST(order_two_writers) {
  twin("st.shared.u32 [%r4], 5;\n[[bar.sync 0;]]\n@%p1 st.shared.u32 [%r4], 6;\n", {"st.shared.u32 writes shared memory",
       "that warp", "missing " + BARRIER});
  // scattered, so that every lane's word is looked at: only one lane's value differs
  twin("mul.lo.u32 %r6, %r2, 36; add.u32 %r6, %r6, %r4; setp.eq.u32 %q, %r2, 3; selp.b32 %r7, %r1, 1, %q;\n"
       "@%p0 st.shared.u32 [%r6], %r7;\n[[bar.sync 0;]]\n@%p1 st.shared.u32 [%r6], %r7;\n",
       {"st.shared.u32 writes shared memory", "missing " + BARRIER}, 64);
  clean("st.shared.u32 [%r4], 5; st.shared.u32 [%r4+64], 6;\n");                    // the same value from everyone
  clean("st.shared.u8 [%r3], %r0; st.shared.u8 [%r3+2], %r0; bar.sync 0;\n");       // neighbouring bytes
  clean("mad.lo.u32 %r6, %r1, 4, %r4; st.shared.u32 [%r6], %r1; bar.sync 0; ld.shared.v4.u32 {%r7, %r8, %r9, %r10}, [%r4];\n");
}

// Four warps write a word each of one granule; the one that writes last reads all: it is ordered after itself only.
TEST(order_neighbours_of_the_last_writer) {
  for (const char* reader : {"%p0", "%p3"})
    twin("mad.lo.u32 %r6, %r1, 4, %r4; st.shared.u32 [%r6], %r1;\n[[bar.sync 0;]]\n@" + std::string(reader) +
             " ld.shared.v4.u32 {%r7, %r8, %r9, %r10}, [%r4];\n",
         {"st.shared.u32", "ld.shared.v4.u32", "missing " + BARRIER});
}

// Many readers, one of which the writer has not met.
TEST(order_one_reader_of_many) {
  for (unsigned alone : {0u, 1u, 2u}) {
    std::string p = "%p" + std::to_string(alone);
    twin("@%lane0 st.shared.u32 [%r4], 1; bar.sync 0; ld.shared.u32 %r7, [%r4];\n"
         "[[bar.sync 2;]]\n@" + p + " bra END;\nbar.sync 1, 96;\n@%p3 st.shared.u32 [%r4], 2;\nEND:\n",
         {"st.shared.u32", "ld.shared.u32", "missing " + BARRIER});
  }
}

// Threads that have ended are behind every barrier that no longer waits for them.
TEST(order_ended_warps) {
  clean("@%lane0 st.shared.u32 [%r4], 1; bar.sync 0; @%p1 bra READ; @%p0 bra WRITE; bra END;\n"
        "READ: ld.shared.u32 %r7, [%r4]; bra END;\nWRITE: bar.sync 0; st.shared.u32 [%r4], 2;\nEND:\n");
}

// Volatile and atomic accesses do not race with their like, and carry order.
TEST(order_flags_and_atomics) {
  clean("@%lane0 st.shared.u32 [%r4], 0; bar.sync 0; atom.shared.add.u32 %r7, [%r4], 1;\n");
  clean("@%lane0 st.volatile.shared.u32 [%r4], 0; bar.sync 0; @%p0 bra SET;\n"
        "L: ld.volatile.shared.u32 %r7, [%r4]; setp.eq.u32 %q, %r7, 0; @%q bra L; ld.shared.u32 %r8, [%r4+64]; bra END;\n"
        "SET: st.shared.u32 [%r4+64], 9; membar.cta; st.volatile.shared.u32 [%r4], 1;\nEND:\n", 64);
  twin("@%lane0 st.shared.u32 [%r4], 0; bar.sync 0; @!%p1 atom.shared.add.u32 %r7, [%r4], 1;\n[[bar.sync 0;]]\n@%p1 st.shared.u32 [%r4], 77;\n",
       {"st.shared.u32", "atom.shared.add.u32", "missing"});
}

TEST(order_mbarrier) {
  twin("@%lane0 mbarrier.init.shared.b64 [bar], 32; bar.sync 0;\n@%p1 bra WAIT;\nst.shared.u32 [%r3], %r0;\n"
       "mbarrier.arrive.shared.b64 _, [bar]; bra END;\nWAIT: [[" + WAIT0 + "]] ld.shared.u32 %r7, [%r3+-128];\nEND:\n",
       {"st.shared.u32", "ld.shared.u32", "missing"}, 64);
}

TEST(order_cp_async) {
  const std::string copy = "cvt.u64.u32 %rd2, %r0; mad.lo.u64 %rd3, %rd2, 4, %rd1;\ncp.async.ca.shared.global [%r3], [%rd3], 4;\ncp.async.commit_group;\n";
  twin(copy + "[[cp.async.wait_group 0;]]\nbar.sync 0; xor.b32 %r6, %r3, 128; ld.shared.u32 %r7, [%r6];\n",
       {"ld.shared.u32 reads shared memory", "by an asynchronous copy (cp.async.ca.shared.global at PTX line 11)",
        "missing cp.async.wait_group and a barrier between the two"});
  twin(copy + "[[cp.async.wait_all;]]\nld.shared.u32 %r7, [%r3];\n", {"that this warp writes by an asynchronous copy", "missing cp.async.wait_group"});
  twin(copy + "cp.async.wait_group 0;\n[[bar.sync 0;]]\nxor.b32 %r6, %r3, 128; ld.shared.u32 %r7, [%r6];\n", {"missing"});
  // the buffer is filled again while another warp still reads it
  twin("st.shared.u32 [%r3], 1; bar.sync 0; xor.b32 %r6, %r3, 128; ld.shared.u32 %r7, [%r6];\n[[bar.sync 0;]]\n" + copy +
           "cp.async.wait_group 0;\n",
       {"cp.async.ca.shared.global", "ld.shared.u32", "missing " + BARRIER});
}

TEST(order_bulk_copies) {
  const std::string start = "@%lane0 mbarrier.init.shared.b64 [bar], 1; fence.mbarrier_init.release.cluster; bar.sync 0;\n"
      "@!%lane0 bra AFTER;\nmbarrier.arrive.expect_tx.shared.b64 _, [bar], 512;\n";
  const std::string load = "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r4], [%rd1], 512, [bar];\nAFTER:\n";
  twin(start + load + "[[" + WAIT0 + "]] ld.shared.u32 %r7, [%r3];\n",
       {"ld.shared.u32", "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes", "shared memory at offset", "missing"});
  // written by warps, then by the copy
  twin(start + "bra LOAD;\nAFTER: @%p1 st.shared.u32 [%r3], 1;\n[[bar.sync 1;]] bra WAIT;\nLOAD: [[bar.sync 1;]]\n"
       "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r4], [%rd1], 512, [bar];\nWAIT:\n" + WAIT0,
       {"st.shared.u32", "cp.async.bulk", "missing"});
  const std::string store = "@%lane0 cp.async.bulk.global.shared::cta.bulk_group [%rd1], [%r4], 512;\n@%lane0 cp.async.bulk.commit_group;\n";
  twin("st.shared.u32 [%r3], %r0;\n[[fence.proxy.async.shared::cta;]]\nbar.sync 0;\n" + store + "@%lane0 cp.async.bulk.wait_group 0;\n",
       {"cp.async.bulk.global.shared::cta.bulk_group reads shared memory", "st.shared.u32 at PTX line 10",
        "missing fence.proxy.async between the write and this read through the async proxy"});
  twin("st.shared.u32 [%r3], %r0;\nfence.proxy.async.shared::cta;\n[[bar.sync 0;]]\n" + store + "@%lane0 cp.async.bulk.wait_group 0;\n",
       {"st.shared.u32", "missing"});
  twin("st.shared.u32 [%r3], %r0;\nfence.proxy.async.shared::cta;\nbar.sync 0;\n" + store +
           "[[@%lane0 cp.async.bulk.wait_group.read 0;]]\nbar.sync 0;\nst.shared.u32 [%r3], 1;\n",
       {"st.shared.u32 writes shared memory", "reads by a bulk copy", "missing cp.async.bulk.wait_group by the thread that issued it"});
}

}  // namespace order_shared_test
