// Registers that a wgmma works on until wgmma.wait_group: its accumulators, and A.
#include "order_twins.h"

using namespace sim;
using namespace sim::testing;

namespace {

// A (64x16 f16) and B (8x16) at s, K-major without swizzle; accumulators %f0 to %f3 and %f4 to %f7, A in %a0 to %a3
std::string kernel(const std::string& body) {
  return ".version 8.0\n.target sm_90a\n.address_size 64\n.entry k(.param .u64 out) {\n.shared .align 1024 .b8 s[4096];\n"
         ".reg .b32 %r<4>, %a<4>; .reg .b64 %rd<4>, %da, %db; .reg .f32 %f<20>; .reg .pred %p, %yes;\n"
         "ld.param.u64 %rd1, [out]; mov.u32 %r0, %tid.x; mul.wide.u32 %rd2, %r0, 4; add.s64 %rd1, %rd1, %rd2;\n"
         "mov.u32 %r1, s; mad.lo.u32 %r2, %r0, 32, %r1; shr.u32 %r3, %r1, 4; cvt.u64.u32 %da, %r3; or.b64 %da, %da, 0x1000080000;\n"
         "mov.u64 %db, %da; setp.eq.u32 %yes, %r0, %r0;\n"
         "st.shared.v4.u32 [%r2], {0x3c003c00, 0x3c003c00, 0x3c003c00, 0x3c003c00};\n"
         "st.shared.v4.u32 [%r2+16], {0x3c003c00, 0x3c003c00, 0x3c003c00, 0x3c003c00};\n"
         "mov.u32 %a0, 0x3c003c00; mov.u32 %a1, %a0; mov.u32 %a2, %a0; mov.u32 %a3, %a0;\n"
         "mov.f32 %f0, 0f00000000; mov.f32 %f1, %f0; mov.f32 %f2, %f0; mov.f32 %f3, %f0;\n"
         "mov.f32 %f4, %f0; mov.f32 %f5, %f0; mov.f32 %f6, %f0; mov.f32 %f7, %f0;\n"
         "fence.proxy.async.shared::cta; bar.sync 0; wgmma.fence.sync.aligned;\n" +
         body + "\nwgmma.wait_group.sync.aligned 0;\nbar.sync 0;\nret;\n}\n";
}
void twin(const std::string& body, const std::vector<std::string>& words) {
  LaunchConfig c;
  c.block = {128}, c.max_instructions = 1000000;
  Array<float> out(128);
  twins(kernel(body), c, params(out.at), words);
}
std::string multiply(unsigned first, bool registers = false) {
  std::string d = "{";
  for (unsigned k = 0; k < 4; ++k) d += (k ? ", %f" : "%f") + std::to_string(first + k);
  return "wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 " + d + "}, " + (registers ? "{%a0, %a1, %a2, %a3}" : "%da") +
         ", %db, %yes, 1, 1" + (registers ? ", 0;\n" : ", 0, 0;\n");
}
const std::string COMMIT = "wgmma.commit_group.sync.aligned;\n", WAIT = "[[wgmma.wait_group.sync.aligned 0;]]\n",
                  STORE = "st.global.f32 [%rd1], %f0;\n",
                  NAME = "wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 at PTX line", MISSING = "missing wgmma.wait_group between the two";

}  // namespace

TEST(order_wgmma_accumulators) {
  twin(multiply(0) + COMMIT + WAIT + STORE, {"st.global.f32 reads a register that " + NAME, "still adds to", MISSING});
  twin(multiply(0) + COMMIT + WAIT + "add.f32 %f1, %f1, %f1;\n", {"add.f32 reads a register that " + NAME, MISSING});
  twin(multiply(0) + COMMIT + WAIT + "mov.f32 %f3, 0f00000000;\n", {"mov.f32 writes a register that " + NAME, MISSING});
  // one after the other on the same accumulators, and a group that is still open while an earlier one is used
  twin(multiply(0) + multiply(0) + COMMIT + multiply(4) + COMMIT + "[[wgmma.wait_group.sync.aligned 1;]]\n" + STORE,
       {"st.global.f32 reads a register that " + NAME, MISSING});
  twin(multiply(4) + COMMIT + multiply(0) + COMMIT + "wgmma.wait_group.sync.aligned 1;\n" + WAIT + STORE, {NAME, MISSING});
}

// What nvcc makes of accumulators that are operands of inline asm: copies between two wgmma, and behind the last.
TEST(order_wgmma_copies) {
  const std::string copy = "mov.f32 %f8, %f0; mov.f32 %f9, %f1; mov.f32 %f10, %f2; mov.f32 %f11, %f3;\n";
  twin(multiply(0) + copy + multiply(8) + COMMIT + "mov.f32 %f12, %f8;\n" + WAIT + "st.global.f32 [%rd1], %f12;\n",
       {"st.global.f32 reads a register that " + NAME, "still adds to", MISSING});
  // a copy from before belongs to the group it was made of
  twin(multiply(0) + COMMIT + WAIT + "mov.f32 %f12, %f0;\n" + multiply(0) + COMMIT + "st.global.f32 [%rd1], %f12;\n", {NAME, MISSING});
}

TEST(order_wgmma_a_in_registers) {
  twin(multiply(0, true) + COMMIT + WAIT + "add.u32 %a2, %a2, 1;\n",
       {"add.u32 writes a register that " + NAME, "still reads as A", MISSING});
  // accumulators that are the A of another product
  twin(multiply(0) + COMMIT + WAIT + "mov.b32 %a1, %f1;\n" + multiply(4, true) + COMMIT,
       {"wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 reads a register that " + NAME, "still adds to", MISSING});
}
