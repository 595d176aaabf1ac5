// Faults around tcgen05.mma, each in a kernel that has just that one, and its repaired twin.
#include "tensor_core.h"

using namespace sim;
using namespace sim::testing;

namespace {

constexpr uint32_t A = 1024, B = 8192, IDESC = 1u << 4 | 32 / 8 << 17 | 128 / 16 << 24;

// K-major without swizzle: 8 rows of 16 bytes side by side, then the next 16 bytes along K.
std::string descriptor(uint32_t offset) {
  return "add.u32 %r10, %r30, " + std::to_string(offset) +
         "; bfe.u32 %r10, %r10, 4, 14; cvt.u64.u32 %rd10, %r10; or.b64 %rd10, %rd10, " +
         std::to_string(uint64_t(128 >> 4) << 16 | uint64_t(256 >> 4) << 32 | 1ull << 46) + ";\n";
}

// One warp: ones into A (128 x 16) and B (32 x 16), D = A * B, row `tid` of D to out.
struct Kernel {
  std::string fence = "fence.proxy.async.shared::cta;", before_mma, mma, behind_mma,
              commit = "@%p0 tcgen05.commit.cta_group::1.mbarrier::arrive::one.shared::cluster.b64 [%r29];",
              wait = "WAIT: mbarrier.try_wait.parity.shared.b64 %p7, [%r29], 0; @!%p7 bra WAIT;", behind_wait;
  uint32_t a = A, b = B, idesc = IDESC, d = 0;
  bool fill_b = true;
  Kernel() { mma = "@%p0 tcgen05.mma.cta_group::1.kind::f16 [%r3], %rd1, %rd2, %r4, %p1;"; }
  static std::string fill(uint32_t offset, uint32_t bytes, const std::string& label) {
    return "add.u32 %r11, %r30, " + std::to_string(offset) + "; mad.lo.u32 %r11, %r1, 4, %r11; add.u32 %r12, %r11, " +
           std::to_string(bytes) + ";\n" + label + ": st.shared.u32 [%r11], %r5; add.u32 %r11, %r11, 128; "
           "setp.lt.u32 %p2, %r11, %r12; @%p2 bra " + label + ";\n";
  }
  std::string text() const {
    std::string at = "tcgen05.alloc.cta_group::1.sync.aligned.shared::cta.b32 [%r30], 64;\n";
    return ".version 9.0\n.target sm_100a\n.address_size 64\n.extern .shared .align 1024 .b8 memory[];\n"
           ".entry k(.param .u64 out) {\n.reg .b32 %r<40>; .reg .b64 %rd<20>; .reg .pred %p<8>;\n"
           "mov.u32 %r1, %tid.x; setp.eq.u32 %p0, %r1, 0; setp.ne.u32 %p1, 0, 0;\n"
           "mov.u32 %r30, memory; add.u32 %r29, %r30, 8; @%p0 mbarrier.init.shared.b64 [%r29], 1;\n" +
           at + "ld.shared.u32 %r2, [%r30]; add.u32 %r3, %r2, " + std::to_string(d) + "; mov.u32 %r4, " +
           std::to_string(idesc) + "; mov.u32 %r5, 0x3c003c00; add.u32 %r6, %r2, 48; mov.u32 %r7, 0x7f7f7f7f;\n" +
           fill(A, 4096, "FA") + (fill_b ? fill(B, 1024, "FB") : "") + descriptor(a) + "mov.b64 %rd1, %rd10;\n" +
           descriptor(b) + "mov.b64 %rd2, %rd10;\n" + fence + "\nbar.warp.sync 0xffffffff;\n" + before_mma + "\n" + mma + "\n" +
           behind_mma + "\n" + commit + "\n" + wait + "\ntcgen05.fence::after_thread_sync;\n" + behind_wait + "\n" +
           "tcgen05.ld.sync.aligned.32x32b.x1.b32 {%r8}, [%r2]; tcgen05.wait::ld.sync.aligned;\n"
           "ld.param.u64 %rd5, [out]; mad.wide.u32 %rd5, %r1, 4, %rd5; st.global.b32 [%rd5], %r8;\n"
           "tcgen05.dealloc.cta_group::1.sync.aligned.b32 %r2, 64;\n"
           "tcgen05.relinquish_alloc_permit.cta_group::1.sync.aligned;\nret;\n}\n";
  }
  void run(const LaunchConfig& with, Array<float>& out) const {
    auto m = Module::load(text());
    LaunchConfig c = with;
    c.block = {32, 1, 1}, c.dynamic_shared = 16 * 1024;
    launch(*m, *m->entry("k"), c, params(out.at));
  }
  void right(float want = 16) const {
    under_every_policy({}, [&](const LaunchConfig& c) {
      Array<float> out(32);
      run(c, out);
      for (unsigned l = 0; l < 32; ++l) CHECK_EQ(out[l], want);
    });
  }
  void wrong(Trap::Cause cause, const std::vector<std::string>& words) const {
    trap_under_every_policy(
        {}, [&](const LaunchConfig& c) { Array<float> out(32); run(c, out); }, cause, words);
  }
};

TEST(tcgen05_mma_fault_none) { Kernel().right(); }

TEST(tcgen05_mma_fault_operand_overwritten) {
  Kernel k;
  const std::string store = "st.shared.u32 [%r30+1056], %r1;";
  k.behind_mma = store;
  k.wrong(Trap::race, {"writes shared memory", "tensor core", "missing tcgen05.commit"});
  k.behind_mma = "", k.behind_wait = store;
  k.right();
}

TEST(tcgen05_mma_fault_no_proxy_fence) {
  Kernel k;
  k.fence = "";
  k.wrong(Trap::race, {"missing fence.proxy.async", "st.shared"});
}

TEST(tcgen05_mma_fault_result_read_early) {
  Kernel k;
  // D holds something already, so that only the order is wrong
  k.before_mma = "tcgen05.st.sync.aligned.32x32b.x1.b32 [%r2], {%r5}; tcgen05.wait::st.sync.aligned;";
  k.right();
  k.wait = "";
  k.wrong(Trap::race, {"reads tensor memory", "tensor core", "missing", "mbarrier"});
}

TEST(tcgen05_mma_fault_descriptor_beyond_memory) {
  Kernel k;
  k.a = 14 * 1024;  // 4 KB from there end beyond the 16 KB that the CTA has
  k.wrong(Trap::illegal_address, {"descriptor of A", "expected"});
  k.a = A, k.b = 16 * 1024 - 512;
  k.wrong(Trap::illegal_address, {"descriptor of B"});
}

TEST(tcgen05_mma_fault_illegal_shape) {
  Kernel k;
  k.idesc = (IDESC & ~(31u << 24)) | 192 / 16 << 24;
  k.wrong(Trap::illegal_instruction, {"M of the instruction descriptor", "64 or 128", "192"});
  k.idesc = IDESC | 1u << 6;
  k.wrong(Trap::illegal_instruction, {"bit 6", "reserved"});
  k.idesc = IDESC & ~(63u << 17);
  k.wrong(Trap::illegal_instruction, {"N of the instruction descriptor", "multiple of 8", "got 0"});
}

TEST(tcgen05_mma_fault_columns_not_allocated) {
  Kernel k;
  k.d = 48;  // to column 79 of 64
  k.wrong(Trap::illegal_address, {"columns 48 to 79", "tcgen05.alloc"});
}

// What nobody has written makes what depends on it undefined; storing that is the fault.
TEST(tcgen05_mma_fault_unwritten_operand) {
  Kernel k;
  k.fill_b = false;
  k.wrong(Trap::uninitialised, {});
}

TEST(tcgen05_mma_fault_unwritten_scales) {
  Kernel k;
  k.idesc = 1u << 23 | 32 / 8 << 17 | 128 / 16 << 24;
  k.mma = "@%p0 tcgen05.mma.cta_group::1.kind::mxf8f6f4.block_scale.scale_vec::1X [%r3], %rd1, %rd2, %r4, [%r6], [%r6], %p1;";
  k.wrong(Trap::uninitialised, {});
  // The warp itself reaches the first 32 lanes only; the words for the others come from shared memory.
  k.before_mma = "mov.b64 %rd3, %rd10;\n@%p0 tcgen05.cp.cta_group::1.32x128b.warpx4 [%r6], %rd3;";
  under_every_policy({}, [&](const LaunchConfig& c) {
    Array<float> out(32);
    k.run(c, out);
  });
}

// One thread's tcgen05.cp and .mma are in order without more ado: the copy into D's columns is no fault.
TEST(tcgen05_mma_behind_copy) {
  Kernel k;
  k.before_mma = "@%p0 tcgen05.cp.cta_group::1.128x128b [%r3], %rd1;";
  k.right();
}

}  // namespace
