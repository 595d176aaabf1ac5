// Kernels around a tcgen05.mma, for tests of what must lie between it and the threads.
#pragma once
#include "tcgen05.h"

namespace sim::testing {

// 128 threads; A (128x16 f16) at s, B (64x16) at s + 4096, both K-major without swizzle: chunks of 16 bytes lie LBO
// 128 apart, groups of 8 rows SBO 256. Thread 0 is %one.
// The threads of the predicate `fills` fill 64 bytes each: warp 0 (%own) rows 0 to 63 of A, warp 1 (%w1) the others, warp 2 B.
inline std::string multiply(const std::string& body, const std::string& fills = "%yes") {
  return tcgen05_module(
      ".entry k(.param .u64 first, .param .u64 second) {\n.shared .align 1024 .b8 s[8192];\n.shared .align 16 .b8 place[16];\n"
      ".shared .align 8 .b64 bar[2];\n"
      ".reg .b32 %tid32, %t, %warp, %idesc, %r<20>; .reg .b64 %rd<6>, %da, %db; .reg .pred %p, %q, %own, %one, %two, %no, %yes, %w1, %others;\n"
      "ld.param.u64 %rd1, [first]; mov.u32 %tid32, %tid.x; shr.u32 %warp, %tid32, 5; setp.eq.u32 %own, %warp, 0;\n"
      "setp.eq.u32 %one, %tid32, 0; setp.eq.u32 %two, %tid32, 32; setp.ne.u32 %no, %tid32, %tid32; setp.eq.u32 %yes, %tid32, %tid32;\n"
      "setp.eq.u32 %w1, %warp, 1; not.pred %others, %w1;\n"
      "mov.u32 %idesc, 0x8100010; mov.u32 %r0, s; shr.u32 %r1, %r0, 4; cvt.u64.u32 %da, %r1; or.b64 %da, %da, 0x401000080000;\n"
      "add.s64 %db, %da, 256;\n"
      "@%own tcgen05.alloc.cta_group::1.sync.aligned.shared::cta.b32 [place], 256;\n"
      "@%one mbarrier.init.shared.b64 [bar], 1; @%one mbarrier.init.shared.b64 [bar+8], 1;\n"
      "mad.lo.u32 %r2, %tid32, 64, %r0;\n"
      "@!" + fills + " bra FILLED;\n"
      "FILL: st.shared.v4.u32 [%r2], {0x3c003c00, 0x3c003c00, 0x3c003c00, 0x3c003c00}; add.u32 %r2, %r2, 16;\n"
      "and.b32 %r3, %r2, 63; setp.ne.u32 %q, %r3, 0; @%q bra FILL;\nFILLED:\n" +
      body +
      "\ntcgen05.wait::ld.sync.aligned;\nbar.sync 0;\n@%own tcgen05.dealloc.cta_group::1.sync.aligned.b32 %t, 256;\nret;\n}\n");
}
inline const std::string FENCE = "fence.proxy.async.shared::cta;\n", ADDRESS = "bar.sync 0;\nld.shared.u32 %t, [place];\n",
                  MMA = "@%one tcgen05.mma.cta_group::1.kind::f16 [%t], %da, %db, %idesc, %no;\n",
                  COMMIT = "@%one tcgen05.commit.cta_group::1.mbarrier::arrive::one.shared::cluster.b64 [bar];\n",
                  WAIT = "W0: mbarrier.try_wait.parity.shared.b64 %q, [bar], 0; @!%q bra W0;\n",
                  AFTER = "tcgen05.fence::after_thread_sync;\n",
                  LOAD = "tcgen05.ld.sync.aligned.32x32b.x1.b32 {%r5}, [%t];\n",
                  RESULT = "mul.wide.u32 %rd3, %tid32, 4; add.s64 %rd3, %rd1, %rd3; st.global.u32 [%rd3], %r5;\n";

}  // namespace sim::testing
