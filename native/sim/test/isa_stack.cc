// alloca, stacksave, stackrestore: every thread its own sizes, what a function took free again when it returns, and the end.
#include "gpu.h"

using namespace sim;
using namespace sim::testing;

namespace {
std::shared_ptr<Module> kernel(const std::string& functions, const std::string& body) {
  return Module::load(
      ".version 9.0\n.target sm_100a\n.address_size 64\n" + functions +
      ".entry k(.param .u64 out) {\n.reg .b32 %r<20>; .reg .b64 %rd<20>; .reg .pred %p<4>;\nld.param.u64 %rd1, [out]; mov.u32 %r0, %tid.x; "
      "mul.wide.u32 %rd2, %r0, 16; add.s64 %rd2, %rd1, %rd2;\n" +
      body + "\nret;\n}\n");
}
}  // namespace

TEST(isa_stack_of_each_thread) {
  // thread t takes 8 (t + 1) bytes, fills their ends, then 32 more that are aligned; both keep what they hold
  auto m = kernel("",
                  "add.u32 %r1, %r0, 1; shl.b32 %r1, %r1, 3; cvt.u64.u32 %rd3, %r1;\nalloca.u64 %rd4, %rd3; alloca.u64 %rd5, 32, 64;\n"
                  "add.s64 %rd6, %rd4, %rd3; st.local.u32 [%rd4], %r0; add.u32 %r2, %r0, 100; st.local.u32 [%rd6+-4], %r2;\n"
                  "mov.u32 %r3, 7; st.local.v2.u32 [%rd5], {%r3, %r3}; st.local.v2.u32 [%rd5+24], {%r3, %r3};\n"
                  "ld.local.u32 %r4, [%rd4]; ld.local.u32 %r5, [%rd6+-4]; and.b64 %rd7, %rd5, 63; cvt.u32.u64 %r6, %rd7;\n"
                  "cvta.local.u64 %rd8, %rd5; ld.u32 %r7, [%rd8+28]; st.global.v4.u32 [%rd2], {%r4, %r5, %r6, %r7};");
  Array<uint32_t> out(std::vector<uint32_t>(4 * 64));
  run(*m, "k", {1}, {64}, params(out.at));
  for (uint32_t t = 0; t < 64; ++t) {
    CHECK_EQ(out[4 * t], t);
    CHECK_EQ(out[4 * t + 1], t + 100, "thread ", t);
    CHECK_EQ(out[4 * t + 2], 0u);
    CHECK_EQ(out[4 * t + 3], 7u, "thread ", t);
  }
}
TEST(isa_stack_save_and_restore) {
  auto m = kernel("",
                  "mov.u64 %rd3, 48; stacksave.u64 %rd4; alloca.u64 %rd5, %rd3, 16; alloca.u64 %rd6, %rd3, 16; sub.s64 %rd7, %rd6, %rd5; "
                  "cvt.u32.u64 %r1, %rd7;\n"
                  "stackrestore.u64 %rd4; alloca.u64 %rd8, %rd3, 16; sub.s64 %rd9, %rd8, %rd5; cvt.u32.u64 %r2, %rd9;\n"
                  "stacksave.u32 %r3; alloca.u32 %r4, 8; stackrestore.u32 %r3; alloca.u32 %r5, 8; sub.u32 %r4, %r5, %r4; st.global.v4.u32 "
                  "[%rd2], {%r1, %r2, %r4, %r4};");
  Array<uint32_t> out(std::vector<uint32_t>(4));
  run(*m, "k", {1}, {1}, params(out.at));
  CHECK(out[0] >= 48 && out[0] % 16 == 0, out[0]);
  CHECK_EQ(out[1], 0u);
  CHECK_EQ(out[2], 0u);
}
TEST(isa_stack_is_free_when_a_function_returns) {
  const std::string function =
      ".func (.param .b32 r) f(.param .b32 a) {\n.reg .b32 %r<4>; .reg .b64 %rd<4>;\nld.param.u32 %r1, [a]; mov.u64 %rd1, 4000; alloca.u64 "
      "%rd2, %rd1;\n"
      "st.local.u32 [%rd2+3996], %r1; ld.local.u32 %r2, [%rd2+3996]; st.param.u32 [r], %r2; ret;\n}\n";
  auto m = kernel(function,
                  "mov.u32 %r1, 0; mov.u32 %r2, 0; mov.u64 %rd3, 2000; alloca.u64 %rd4, %rd3; st.local.u32 [%rd4], %r0;\n"
                  "L: { .param .b32 a; .param .b32 r; st.param.u32 [a], %r1; call (r), f, (a); ld.param.u32 %r3, [r]; }\n"
                  "add.u32 %r2, %r2, %r3; add.u32 %r1, %r1, 1; setp.lt.u32 %p1, %r1, 50; @%p1 bra L;\n"
                  "ld.local.u32 %r4, [%rd4]; st.global.v4.u32 [%rd2], {%r2, %r4, %r4, %r4};");
  Array<uint32_t> out(std::vector<uint32_t>(4 * 32));
  run(*m, "k", {1}, {32}, params(out.at));
  for (uint32_t t = 0; t < 32; ++t) {
    CHECK_EQ(out[4 * t], 50u * 49 / 2);
    CHECK_EQ(out[4 * t + 1], t);
  }
}
TEST(isa_stack_has_an_end) {
  auto said = [](const std::string& body) {
    auto m = kernel("", body);
    return std::string(trap_of([&] { run(*m, "k", {1}, {1}, params(uint64_t(0))); }).what());
  };
  std::string what = said("mov.u64 %rd3, 16000; alloca.u64 %rd4, %rd3; alloca.u64 %rd5, 800;");
  CHECK(what.find("alloca expects that its bytes fit into the stack of 16384 bytes, found 800 asked for with 16000 in use") == 0, what);
  what = said("mov.u64 %rd3, 8; alloca.u64 %rd4, %rd3; stacksave.u64 %rd5; add.s64 %rd5, %rd5, 8; stackrestore.u64 %rd5;");
  CHECK(what.find("stackrestore expects what a stacksave of this thread gave") == 0, what);
  // fresh bytes are nobody's
  what = said("mov.u64 %rd3, 8; alloca.u64 %rd4, %rd3; ld.local.u32 %r1, [%rd4]; setp.eq.u32 %p1, %r1, 0; @%p1 exit;");
  CHECK(what.find("nobody") != std::string::npos, what);
}
