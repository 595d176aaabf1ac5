// mma.sp of every type, shape and selector: A is drawn dense, with the zeros its granularity asks for, and packed here into
// registers and metadata by PTX's figures (#warp-level-matrix-fragment-sparse-mma-16816-f16bf16 and its neighbours).
#include "gpu.h"
#include "isa_elements.h"
#include "isa_row.h"

namespace sim::isa_test {
namespace {

std::string list(unsigned first, unsigned n) {
  std::string s = "{";
  for (unsigned k = 0; k < n; ++k) s += (k ? ", %r" : "%r") + std::to_string(first + k);
  return s + "}";
}

struct Sparse {
  const MatrixElement &a, &b;
  unsigned k;
  bool ordered, half = false;
  const char* words = "";
  unsigned chunk() const { return a.bits == 32 ? 2 : a.bits == 4 ? 8 : 4; }
  unsigned lanes() const { return k / chunk() / 4; }  // of four that give metadata
  std::string opcode() const {
    const std::string c = a.integer() ? "s32" : half ? "f16" : "f32";
    return std::string("mma.sp") + (ordered ? "::ordered_metadata" : "") + ".sync.aligned.m16n8k" + std::to_string(k) + ".row.col" + words +
           "." + c + "." + a.name + "." + b.name + "." + c + " ";
  }
};

// `code` put at element `i`, counted from the first register's lowest bits, of a lane's registers from `first` on.
void put(Registers& regs, unsigned first, unsigned lane, unsigned i, unsigned bits, uint32_t code) {
  uint32_t& w = regs.r(first + i * bits / 32)[lane];
  w |= code << i * bits % 32;
}

void sparse_case(const Sparse& s, unsigned selector) {
  const unsigned n_a = s.k / 2 * s.a.bits / 64, n_c = s.half ? 2 : 4, per = 32 / s.a.bits, chunk = s.chunk();
  Prepared row(s.opcode() + list(0, n_c) + ", " + list(4, n_a) + ", " + list(8, n_a) + ", " + list(12, n_c) + ", %r16, " +
               std::to_string(selector));
  if (!row.found()) fail("expected a row for " + s.opcode());
  std::mt19937_64 rng(selector + s.k);
  for (int round = 0; round < 4; ++round) {
    Registers regs;
    for (unsigned r = 0; r < 17; ++r) std::fill_n(regs.r(r), LANES, r < 16 ? 0 : uint32_t(rng()));  // what no lane needs is noise
    static double a[16][128], b[128][8], c[16][8];
    std::memset(a, 0, sizeof a);
    for (unsigned m = 0; m < 16; ++m)
      for (unsigned j = 0; j < s.k / chunk; ++j) {
        // two of four pieces of the chunk; of tf32 one half of it
        unsigned first = unsigned(rng() % 4), second = unsigned(rng() % 3);
        second += second >= first;
        if (s.ordered && first > second) std::swap(first, second);
        if (chunk == 2) first = first / 2 * 2, second = first + 1;
        const unsigned quad = 4 * (m % 8) + selector * s.lanes();
        // 16- and 32-bit elements: a lane has four chunks of row g, then four of row g + 8; smaller ones: eight chunks of one row
        const bool wide = s.a.bits >= 16;
        const unsigned lane = quad + (wide ? j / 4 : m / 8 + j / 8 * 2), at = wide ? 16 * (m / 8) + j % 4 * 4 : j % 8 * 4;
        regs.r(16)[lane] = (regs.r(16)[lane] & ~(15u << at)) | (first | second << 2) << at;
        for (unsigned e = 0; e < chunk / 2; ++e) {
          const unsigned stored = j * chunk / 2 + e, piece = chunk == 8 ? 2 : 1;
          const unsigned from = chunk == 2 ? first / 2 : (e < piece ? first : second) * piece + e % piece;
          const uint32_t v = small_code(s.a, rng);
          a[m][j * chunk + from] = s.a.value(v);
          // the stored half lies as a dense A of k / 2 does
          put(regs, 4, 4 * (m % 8) + stored / per % 4, (stored / (4 * per) * 2 + m / 8) * per + stored % per, s.a.bits, v);
        }
      }
    for (unsigned k = 0; k < s.k; ++k)
      for (unsigned n = 0; n < 8; ++n) {
        const uint32_t v = small_code(s.b, rng);
        b[k][n] = s.b.value(v);
        put(regs, 8, 4 * n + k / per % 4, k / (4 * per) * per + k % per, s.b.bits, v);
      }
    for (unsigned l = 0; l < LANES; ++l)
      for (unsigned i = 0; i < 4; ++i) {
        const int v =
            s.a.integer() && *s.words ? (rng() % 2 ? INT32_MAX - int(rng() % 99) : INT32_MIN + int(rng() % 99)) : int(rng() % 65) - 32;
        c[l / 4 + 8 * (i / 2)][2 * (l % 4) + i % 2] = v;
        if (s.half)
          put(regs, 12, l, i, 16, nearest_code<double>(f16_grid(), v, 'n', false));
        else
          regs.r(12 + i)[l] = s.a.integer() ? uint32_t(v) : __builtin_bit_cast(uint32_t, float(v));
      }
    row.run(regs);
    for (unsigned l = 0; l < LANES; ++l)
      for (unsigned i = 0; i < 4; ++i) {
        const unsigned m = l / 4 + 8 * (i / 2), n = 2 * (l % 4) + i % 2;
        double want = c[m][n];
        for (unsigned k = 0; k < s.k; ++k) want += a[m][k] * b[k][n];
        if (s.a.integer() && *s.words) want = std::min(2147483647.0, std::max(-2147483648.0, want));
        const uint32_t got = s.half ? regs.r(i / 2)[l] >> 16 * (i % 2) & 0xffff : regs.r(i)[l];
        const uint32_t bits = s.half          ? nearest_code<double>(f16_grid(), want, 'n', false)
                              : s.a.integer() ? uint32_t(int64_t(want))
                                              : __builtin_bit_cast(uint32_t, float(want));
        if (got != bits && !(want == 0 && !(got & (s.half ? 0x7fff : 0x7fffffff))))
          fail(s.opcode() + "selector " + std::to_string(selector) + ", row " + std::to_string(m) + " column " + std::to_string(n) +
               ": expected " + hex(bits) + ", got " + hex(got));
      }
  }
}
void all_selectors(const Sparse& s) {
  for (unsigned selector = 0; selector < 4 / s.lanes(); ++selector) sparse_case(s, selector);
}

SIM_TEST(mma_sparse_floats) {
  for (bool ordered : {false, true}) {
    for (unsigned lanes : {1u, 2u}) {
      for (bool half : {false, true}) all_selectors({F16, F16, 16 * lanes, ordered, half});
      all_selectors({BF16, BF16, 16 * lanes, ordered}), all_selectors({TF32, TF32, 8 * lanes, ordered});
    }
    for (const MatrixElement* a : {&E4M3, &E5M2})
      for (const MatrixElement* b : {&E4M3, &E5M2}) all_selectors({*a, *b, 64, ordered});
  }
  for (const MatrixElement* a : {&E4M3, &E5M2, &E2M3, &E3M2, &E2M1})
    for (const MatrixElement* b : {&E4M3, &E5M2, &E2M3, &E3M2, &E2M1}) all_selectors({*a, *b, 64, true, false, ".kind::f8f6f4"});
}
SIM_TEST(mma_sparse_integers) {
  for (bool ordered : {false, true})
    for (const char* words : {"", ".satfinite"})
      for (unsigned lanes : {2u, 4u}) {
        for (const MatrixElement* a : {&S8, &U8})
          for (const MatrixElement* b : {&S8, &U8}) all_selectors({*a, *b, 16 * lanes, ordered, false, words});
        for (const MatrixElement* a : {&S4, &U4})
          for (const MatrixElement* b : {&S4, &U4}) all_selectors({*a, *b, 32 * lanes, ordered, false, words});
      }
}
// An infinity or NaN of B that no stored element of A meets is no factor of anything.
SIM_TEST(mma_sparse_skips_what_is_not_stored) {
  Prepared row("mma.sp::ordered_metadata.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 " + list(0, 4) + ", " + list(4, 2) + ", " +
               list(8, 2) + ", " + list(12, 4) + ", %r16, 0");
  Registers regs;
  for (unsigned r = 0; r < 16; ++r) std::fill_n(regs.r(r), LANES, 0);
  std::fill_n(regs.r(16), LANES, 0x44444444);  // elements 0 and 1 of every chunk
  for (unsigned l = 0; l < LANES; ++l) {
    regs.r(4)[l] = regs.r(5)[l] = 0x3c003c00;                       // ones
    regs.r(8)[l] = regs.r(9)[l] = l % 2 ? 0x7e007c00 : 0x40004000;  // rows 4j, 4j + 1 are twos, 4j + 2 infinite, 4j + 3 NaN
  }
  row.run(regs);
  for (unsigned i = 0; i < 4; ++i)
    for (unsigned l = 0; l < LANES; ++l) EXPECT(regs.f(i)[l] == 16.0f);
  std::fill_n(regs.r(16), LANES, 0x84848484);  // elements 0 and 2 of every other chunk
  row.run(regs);
  for (unsigned i = 0; i < 4; ++i)
    for (unsigned l = 0; l < LANES; ++l) EXPECT(regs.r(i)[l] == 0x7f800000);
}

std::string trap_of(const std::string& op, const std::string& registers, uint32_t metadata) {
  auto m = Module::load(".version 9.0\n.target sm_100a\n.address_size 64\n.entry k() {\n.reg .b32 %r<24>;\nmov.b32 %r16, " +
                        std::to_string(metadata) + ";\n" + "mov.b32 %r1, 0;\n" + op + " " + registers + ", %r16, 0;\nret;\n}\n");
  return testing::trap_of([&] { testing::run(*m, "k", {1}, {32}, {}); }).what();
}
SIM_TEST(mma_sparse_metadata_that_is_wrong) {
  const std::string f16 = "{%r0, %r1, %r2, %r3}, {%r1, %r1}, {%r1, %r1}, {%r1, %r1, %r1, %r1}",
                    types = ".sync.aligned.m16n8k16.row.col.f32.f16.f16.f32";
  EXPECT(trap_of("mma.sp" + types, f16, 0x44444544)
             .find("the sparsity metadata of row 0 of A: expected two different positions for chunk 2, got 1 and 1") == 0);
  EXPECT(trap_of("mma.sp::ordered_metadata" + types, f16, 0x14444444)
             .find("the sparsity metadata of row 8 of A: expected two ascending positions for chunk 3, got 1 and 0") == 0);
  EXPECT(
      trap_of("mma.sp.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32", f16, 0x4444444e - 2).find("expected 4 or 14 for chunk 0, got 12") !=
      std::string::npos);
}

}  // namespace
}  // namespace sim::isa_test
