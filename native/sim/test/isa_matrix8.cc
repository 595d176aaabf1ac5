// ldmatrix of 16x16 and stmatrix of 16x8 8-bit elements. The expectation is the layout algebra that CUTLASS publishes
// for them (copy_traits_sm100: SM100_U8x8_LDSM_T, SM100_U8x4_STSM_T), not the registers' picture in the ISA.
#include "gpu.h"
#include "isa_row.h"

using namespace sim;

namespace isa_matrix8 {
using namespace sim::testing;

namespace {

std::string list(unsigned n) {
  std::string s = "{";
  for (unsigned k = 0; k < n; ++k) s += (k ? ", %r" : "%r") + std::to_string(10 + k);
  return s + "}";
}
// Lane l has 16 bytes of `in` at 48 * l of shared memory; %r4 is their address, %q5 the generic one.
std::shared_ptr<Module> kernel(const std::string& body) {
  return Module::load(
      ".version 9.0\n.target sm_100a\n.address_size 64\n.entry k(.param .u64 a, .param .u64 b) {\n"
      ".reg .b32 %r<24>; .reg .b64 %q<9>; .shared .align 16 .b8 sm[1536];\n"
      "ld.param.u64 %q1, [a]; ld.param.u64 %q2, [b]; mov.u32 %r1, %tid.x; mul.lo.u32 %r2, %r1, 48; mov.u32 %r3, sm; "
      "add.u32 %r4, %r3, %r2; mul.wide.u32 %q4, %r1, 16; add.u64 %q1, %q1, %q4; add.u64 %q2, %q2, %q4;\n"
      "cvt.u64.u32 %q5, %r4; cvta.shared.u64 %q5, %q5;\n"
      "ld.global.v4.u32 {%r5, %r6, %r7, %r8}, [%q1]; st.shared.v4.u32 [%r4], {%r5, %r6, %r7, %r8}; bar.warp.sync "
      "-1;\n" +
      body + "\nret;\n}\n");
}
std::vector<uint8_t> numbers() {
  std::vector<uint8_t> v(512);
  for (size_t k = 0; k < v.size(); ++k) v[k] = uint8_t(k * 37 + k / 256 * 11);
  return v;
}
// Element e of `bits` bits, low first
uint8_t packed(const uint8_t* row, unsigned e, unsigned bits) {
  uint32_t v = 0;
  for (unsigned b = 0; b < bits; ++b) v |= uint32_t(row[(e * bits + b) / 8] >> (e * bits + b) % 8 & 1) << b;
  return uint8_t(v);
}

}  // namespace

// What an opcode says of the space, and the register of its address.
constexpr struct {
  const char *word, *address;
} SPACES[] = {{".shared", "%r4"}, {".shared::cta", "%r4"}, {"", "%q5"}};

TEST(isa_ldmatrix_16x16) {
  const std::vector<uint8_t> in = numbers();
  for (const auto& space : SPACES)
    for (const char* format : {"b8", "b8x16.b4x16_p64", "b8x16.b6x16_p32"})
      for (unsigned n : {1u, 2u}) {
        const unsigned bits = std::string(format) == "b8" ? 8 : std::string(format).find("b4") != std::string::npos ? 4 : 6;
        std::string body = "ldmatrix.sync.aligned.m16n16.x" + std::to_string(n) + ".trans" + space.word + "." + format + " " +
                           list(2 * n) + ", [" + space.address + "];\n";
        for (unsigned k = 0; k < 2 * n; ++k)
          body += "st.global.u32 [%q2+" + std::to_string(4 * k) + "], %r" + std::to_string(10 + k) + ";\n";
        Array<uint8_t> a(in), b(512);
        run(*kernel(body), "k", {1}, {32}, params(a.at, b.at));
        for (unsigned matrix = 0; matrix < n; ++matrix)
          for (unsigned lane = 0; lane < 32; ++lane) {
            const uint8_t* reg = b.data() + 16 * lane + 8 * matrix;
            // CUTLASS shuffles the two registers' bytes into these, whose layout it then states
            const uint8_t dst[8] = {reg[0], reg[1], reg[4], reg[5], reg[2], reg[3], reg[6], reg[7]};
            for (unsigned v = 0; v < 8; ++v) {
              const unsigned bit = 256 * (lane % 4) + 8 * (lane / 4) + 128 * (v % 2) + 64 * (v / 2 % 2) + 1024 * (v / 4);
              unsigned from = 0;  // the lane whose address is that of this row: 128 * a + 1024 * b + 256 * c
              for (unsigned l = 0; l < 16; ++l)
                if (128 * (l & 1) + 1024 * (l >> 1 & 1) + 256 * (l >> 2) == bit / 128 * 128) from = l;
              const uint8_t want = packed(&in[16 * (from + 16 * matrix)], bit / 8 % 16, bits);
              CHECK_EQ(int(dst[v]), int(want), format, " matrix ", matrix, " lane ", lane, " value ", v);
            }
          }
      }
}
// 8 x 16 elements of 4 and 6 bits, each into the low bits of a byte; lane 4g + t has those from 4t on of row g.
TEST(isa_ldmatrix_8x16) {
  const std::vector<uint8_t> in = numbers();
  for (const auto& space : SPACES)
    for (unsigned bits : {4u, 6u})
      for (unsigned n : {1u, 2u, 4u}) {
        std::string body = "ldmatrix.sync.aligned.m8n16.x" + std::to_string(n) + space.word + ".b8x16." +
                           (bits == 4 ? "b4x16_p64" : "b6x16_p32") + " " + list(n) + ", [" + space.address + "];\n";
        for (unsigned k = 0; k < n; ++k) body += "st.global.u32 [%q2+" + std::to_string(4 * k) + "], %r" + std::to_string(10 + k) + ";\n";
        Array<uint8_t> a(in), b(512);
        run(*kernel(body), "k", {1}, {32}, params(a.at, b.at));
        for (unsigned lane = 0; lane < 32; ++lane)
          for (unsigned e = 0; e < 4 * n; ++e)
            CHECK_EQ(int(b[16 * lane + e]), int(packed(&in[16 * (8 * (e / 4) + lane / 4)], 4 * (lane % 4) + e % 4, bits)), bits, " bits x",
                     n, " lane ", lane, " element ", e);
      }
}
TEST(isa_stmatrix_16x8) {
  for (const auto& space : SPACES)
    for (unsigned n : {1u, 2u, 4u}) {
      std::string body = "mov.b32 %r10, %r5; mov.b32 %r11, %r6; mov.b32 %r12, %r7; mov.b32 %r13, %r8;\n"
                         "st.shared.v4.u32 [%r4], {0, 0, 0, 0}; bar.warp.sync -1;\n"
                         "stmatrix.sync.aligned.m16n8.x" +
                         std::to_string(n) + ".trans" + space.word + ".b8 [" + space.address + "], " + list(n) +
                         ";\nbar.warp.sync -1; ld.shared.v4.u32 {%r5, %r6, %r7, %r8}, [%r4]; st.global.v4.u32 [%q2], "
                         "{%r5, %r6, %r7, %r8};\n";
      const std::vector<uint8_t> in = numbers();
      Array<uint8_t> a(in), b(512);
      run(*kernel(body), "k", {1}, {32}, params(a.at, b.at));
      for (unsigned lane = 0; lane < 32; ++lane)
        for (unsigned v = 0; v < 4 * n; ++v) {
          const unsigned bit = 256 * (lane % 4) + 8 * (lane / 4) + 128 * (v % 2) + 64 * (v / 2 % 2) + 1024 * (v / 4);
          const unsigned to = bit / 128, byte = bit / 8 % 16;  // the row of lane `to`'s address
          CHECK_EQ(int(b[16 * to + byte]), int(in[16 * lane + v]), "x", n, " lane ", lane, " value ", v);
        }
      for (unsigned k = 128 * n; k < 512; ++k) CHECK_EQ(int(b[k]), 0, "x", n, " byte ", k);
    }
}

}  // namespace isa_matrix8
