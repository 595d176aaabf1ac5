// mma.sync of every type and shape, against matrices laid out by the ISA's own formulas for rows and columns
// of a fragment.
#include <cmath>

#include "isa_elements.h"
#include "isa_row.h"

namespace sim::isa_test {
namespace {

// Row and column of element i (within the thread's fragment, in order of registers) of A, and of B: PTX's
// figures, as text gives them.
void a_place(unsigned bits, unsigned m, unsigned lane, unsigned i, unsigned& row, unsigned& col) {
  const unsigned per = 32 / bits, reg = i / per, g = lane / 4, t = lane % 4;
  row = m == 8 ? g : g + 8 * (reg % 2);
  col = t * per + i % per + (m == 8 ? reg : reg / 2) * 4 * per;
}
void b_place(unsigned bits, unsigned lane, unsigned i, unsigned& row, unsigned& col) {
  const unsigned per = 32 / bits, reg = i / per;
  col = lane / 4, row = (lane % 4) * per + i % per + reg * 4 * per;
}
// c0 c1: row g; c2 c3: row g + 8; columns 2t, 2t + 1
void c_place(unsigned lane, unsigned i, unsigned& row, unsigned& col) {
  row = lane / 4 + 8 * (i / 2), col = 2 * (lane % 4) + i % 2;
}

std::string list(char cls, unsigned first, unsigned n) {
  std::string s = "{";
  for (unsigned k = 0; k < n; ++k) s += (k ? ", %" : "%") + std::string(1, cls) + std::to_string(first + k);
  return s + "}";
}

// Values small enough that every product and sum is exact in f32: the result is then one number whatever the
// order of summation.
void float_case(const MatrixElement& A, const MatrixElement& B, unsigned k, bool half_c, bool half_d, const char* kind = "") {
  const unsigned m = 16, na = m * k * A.bits / 1024, nb = 8 * k * B.bits / 1024, nc = half_c ? 2 : 4,
                 nd = half_d ? 2 : 4;
  const std::string op = "mma.sync.aligned.m16n8k" + std::to_string(k) + ".row.col" + kind +
                         (half_d ? ".f16." : ".f32.") + A.name + "." + B.name + (half_c ? ".f16 " : ".f32 ");
  Prepared row(op + list('r', 0, nd) + ", " + list('r', 4, na) + ", " + list('r', 8, nb) + ", " +
               list('r', 12, nc));
  if (!row.found()) fail("expected a row for " + op);
  std::mt19937_64 rng(3);
  for (int round = 0; round < 20; ++round) {
    Registers regs;
    double a[16][64] = {}, b[64][8] = {}, c[16][8];
    for (unsigned l = 0; l < LANES; ++l) {
      unsigned r, q;
      for (unsigned i = 0; i < na * 32 / A.bits; ++i) {
        const uint32_t v = small_code(A, rng);
        uint32_t& w = regs.r(4 + i * A.bits / 32)[l];
        if (i * A.bits % 32 == 0) w = 0;
        w |= v << i * A.bits % 32;
        a_place(A.bits, m, l, i, r, q), a[r][q] = A.value(v);
      }
      for (unsigned i = 0; i < nb * 32 / B.bits; ++i) {
        const uint32_t v = small_code(B, rng);
        uint32_t& w = regs.r(8 + i * B.bits / 32)[l];
        if (i * B.bits % 32 == 0) w = 0;
        w |= v << i * B.bits % 32;
        b_place(B.bits, l, i, r, q), b[r][q] = B.value(v);
      }
      for (unsigned i = 0; i < 4; ++i) {
        c_place(l, i, r, q);
        c[r][q] = int(rng() % 65) - 32;
        if (half_c) {
          uint32_t& w = regs.r(12 + i / 2)[l];
          w = (i % 2 ? w : 0) | nearest_code<double>(f16_grid(), c[r][q], 'n', false) << 16 * (i % 2);
        } else {
          regs.f(12 + i)[l] = float(c[r][q]);
        }
      }
    }
    row.run(regs);
    for (unsigned l = 0; l < LANES; ++l)
      for (unsigned i = 0; i < 4; ++i) {
        unsigned r, q;
        c_place(l, i, r, q);
        double want = c[r][q];
        for (unsigned e = 0; e < k; ++e) want += a[r][e] * b[e][q];
        if (half_d && A.bits == 8) {  // as an H200 does: the first two of every four, the other two, C; each rounded to f16
          want = 0;
          for (unsigned part : {0u, 2u}) {
            for (unsigned e = 0; e < k; ++e)
              if ((e & 2) == part) want += a[r][e] * b[e][q];
            want = value_of(f16_grid(), nearest_code<double>(f16_grid(), want, 'n', false));
          }
          want += c[r][q];
        }
        const uint32_t got = half_d ? regs.r(i / 2)[l] >> 16 * (i % 2) & 0xffff : regs.r(i)[l];
        const uint32_t w = half_d ? nearest_code<double>(f16_grid(), want, 'n', false)
                                  : __builtin_bit_cast(uint32_t, float(want));
        const bool zero = want == 0 && !(got & (half_d ? 0x7fff : 0x7fffffff));
        if (got != w && !zero)
          fail(op + ": row " + std::to_string(r) + " column " + std::to_string(q) + " expected " + hex(w) +
               ", got " + hex(got));
      }
  }
}
SIM_TEST(mma_float) {
  for (unsigned k : {8u, 16u}) {
    for (bool c : {false, true})
      for (bool d : {false, true}) float_case(F16, F16, k, c, d);
    float_case(BF16, BF16, k, false, false);
  }
  for (unsigned k : {4u, 8u}) float_case(TF32, TF32, k, false, false);
  for (const MatrixElement* a : {&E4M3, &E5M2})
    for (const MatrixElement* b : {&E4M3, &E5M2})
      for (unsigned k : {16u, 32u})
        for (bool half : {false, true}) float_case(*a, *b, k, half, half);
  for (const MatrixElement* a : {&E4M3, &E5M2, &E2M3, &E3M2, &E2M1})
    for (const MatrixElement* b : {&E4M3, &E5M2, &E2M3, &E3M2, &E2M1})
      for (bool half : {false, true}) float_case(*a, *b, 32, half, half, ".kind::f8f6f4");
}
// Inexact sums: within the error of 16 f32 roundings of the exact one.
SIM_TEST(mma_rounding) {
  Prepared row(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%r0, %r1, %r2, %r3}, {%r4, %r5, %r6, %r7}, {%r8, "
      "%r9}, {%r12, %r13, %r14, %r15}");
  std::mt19937_64 rng(4);
  Registers regs;
  double a[16][16], b[16][8];
  for (unsigned l = 0; l < LANES; ++l)
    for (unsigned i = 0; i < 12; ++i) {
      const uint32_t v = uint32_t(rng() & 0x807f) | uint32_t(124 + rng() % 6) << 7;
      uint32_t& w = regs.r((i < 8 ? 4 : 8 - 4) + i / 2)[l];
      w = (i % 2 ? w : 0) | v << 16 * (i % 2);
      unsigned r, q;
      if (i < 8)
        a_place(16, 16, l, i, r, q), a[r][q] = value_of(bf16_grid(), v);
      else
        b_place(16, l, i - 8, r, q), b[r][q] = value_of(bf16_grid(), v);
      for (unsigned c = 12; c < 16; ++c) regs.f(c)[l] = 0.1f;
    }
  row.run(regs);
  for (unsigned l = 0; l < LANES; ++l)
    for (unsigned i = 0; i < 4; ++i) {
      unsigned r, q;
      c_place(l, i, r, q);
      double want = 0.1f, size = 0.1;
      for (unsigned e = 0; e < 16; ++e) want += a[r][e] * b[e][q], size += std::fabs(a[r][e] * b[e][q]);
      EXPECT(std::fabs(regs.f(i)[l] - want) <= 16 * 0x1p-24 * size);
    }
}

void int_case(unsigned m, unsigned k, const MatrixElement& A, const MatrixElement& B, bool sat) {
  const unsigned na = m * k * A.bits / 1024, nb = 8 * k * B.bits / 1024, nc = m / 4;
  const std::string op = "mma.sync.aligned.m" + std::to_string(m) + "n8k" + std::to_string(k) + ".row.col" +
                         (sat ? ".satfinite" : "") + ".s32." + A.name + "." + B.name + ".s32 ";
  Prepared row(op + list('r', 0, nc) + ", " + list('r', 4, na) + ", " + list('r', 8, nb) + ", " +
               list('r', 12, nc));
  if (!row.found()) fail("expected a row for " + op);
  std::mt19937_64 rng(3);
  Registers regs;
  static double a[16][64], b[64][8];
  for (unsigned l = 0; l < LANES; ++l) {
    unsigned r, q;
    for (unsigned i = 0; i < 4; ++i)
      regs.r(4 + i)[l] = uint32_t(rng()), regs.r(8 + i)[l] = uint32_t(rng()),
                 regs.r(12 + i)[l] = uint32_t(hard_bits(rng, 32));
    for (unsigned i = 0; i < na * 32 / A.bits; ++i)
      a_place(A.bits, m, l, i, r, q),
          a[r][q] = A.value(regs.r(4 + i * A.bits / 32)[l] >> i * A.bits % 32 & ((1u << A.bits) - 1));
    for (unsigned i = 0; i < nb * 32 / B.bits; ++i)
      b_place(B.bits, l, i, r, q),
          b[r][q] = B.value(regs.r(8 + i * B.bits / 32)[l] >> i * B.bits % 32 & ((1u << B.bits) - 1));
  }
  row.run(regs);
  for (unsigned l = 0; l < LANES; ++l)
    for (unsigned i = 0; i < nc; ++i) {
      unsigned r, q;
      c_place(l, i, r, q);
      int64_t want = int32_t(regs.r(12 + i)[l]);
      for (unsigned e = 0; e < k; ++e) want += int64_t(a[r][e] * b[e][q]);
      if (sat) want = std::max<int64_t>(INT32_MIN, std::min<int64_t>(INT32_MAX, want));
      if (regs.r(i)[l] != uint32_t(want))
        fail(op + ": expected " + hex(uint32_t(want)) + ", got " + hex(regs.r(i)[l]));
    }
}
SIM_TEST(mma_integer) {
  for (const MatrixElement* a : {&S8, &U8})
    for (const MatrixElement* b : {&S8, &U8})
      for (bool sat : {false, true})
        int_case(8, 16, *a, *b, sat), int_case(16, 16, *a, *b, sat), int_case(16, 32, *a, *b, sat);
  for (const MatrixElement* a : {&S4, &U4})
    for (const MatrixElement* b : {&S4, &U4})
      for (bool sat : {false, true})
        int_case(8, 32, *a, *b, sat), int_case(16, 32, *a, *b, sat), int_case(16, 64, *a, *b, sat);
}
SIM_TEST(mma_bits) {
  for (unsigned m : {8u, 16u})
    for (unsigned k : {128u, 256u})
      for (bool with_and : {false, true}) {
        if (m == 8 && k == 256) continue;
        const unsigned na = m * k / 1024, nb = 8 * k / 1024, nc = m / 4;
        const std::string op = "mma.sync.aligned.m" + std::to_string(m) + "n8k" + std::to_string(k) +
                               ".row.col.s32.b1.b1.s32." + (with_and ? "and" : "xor") + ".popc ";
        Prepared row(op + list('r', 0, nc) + ", " + list('r', 4, na) + ", " + list('r', 8, nb) + ", " +
                     list('r', 12, nc));
        if (!row.found()) fail("expected a row for " + op);
        std::mt19937_64 rng(3);
        Registers regs;
        static bool a[16][256], b[256][8];
        for (unsigned l = 0; l < LANES; ++l) {
          unsigned r, q;
          for (unsigned i = 0; i < 4; ++i)
            regs.r(4 + i)[l] = uint32_t(rng()), regs.r(8 + i)[l] = uint32_t(rng()),
                       regs.r(12 + i)[l] = uint32_t(rng());
          for (unsigned i = 0; i < na * 32; ++i)
            a_place(1, m, l, i, r, q), a[r][q] = regs.r(4 + i / 32)[l] >> i % 32 & 1;
          for (unsigned i = 0; i < nb * 32; ++i)
            b_place(1, l, i, r, q), b[r][q] = regs.r(8 + i / 32)[l] >> i % 32 & 1;
        }
        row.run(regs);
        for (unsigned l = 0; l < LANES; ++l)
          for (unsigned i = 0; i < nc; ++i) {
            unsigned r, q;
            c_place(l, i, r, q);
            uint32_t want = regs.r(12 + i)[l];
            for (unsigned e = 0; e < k; ++e) want += with_and ? a[r][e] && b[e][q] : a[r][e] != b[e][q];
            EXPECT(regs.r(i)[l] == want);
          }
      }
}
SIM_TEST(mma_double) {
  for (unsigned m : {8u, 16u})
    for (unsigned k : {4u, 8u, 16u}) {
      if (m == 8 && k != 4) continue;
      const unsigned na = m / 8 * k / 4, nb = k / 4, nc = m / 4;
      const std::string op =
          "mma.sync.aligned.m" + std::to_string(m) + "n8k" + std::to_string(k) + ".row.col.f64.f64.f64.f64 ";
      Prepared row(op + list('q', 0, nc) + ", " + list('q', 4, na) + ", " + list('q', 12, nb) + ", " +
                   list('q', 16, nc));
      if (!row.found()) fail("expected a row for " + op);
      std::mt19937_64 rng(3);
      Registers regs;
      double a[16][16], b[16][8];
      auto put = [&](unsigned reg, unsigned l) {
        const double v = double(int64_t(rng() % 2001) - 1000) / 8;
        regs.q(reg)[l] = __builtin_bit_cast(uint64_t, v);
        return v;
      };
      for (unsigned l = 0; l < LANES; ++l) {
        const unsigned g = l / 4, t = l % 4;
        for (unsigned i = 0; i < na; ++i)
          a[m == 8 ? g : g + 8 * (i % 2)][t + 4 * (m == 8 ? i : i / 2)] = put(4 + i, l);
        for (unsigned i = 0; i < nb; ++i) b[t + 4 * i][g] = put(12 + i, l);
        for (unsigned i = 0; i < nc; ++i) put(16 + i, l);
      }
      row.run(regs);
      for (unsigned l = 0; l < LANES; ++l)
        for (unsigned i = 0; i < nc; ++i) {
          unsigned r, q;
          c_place(l, i, r, q);
          double want = __builtin_bit_cast(double, regs.q(16 + i)[l]);
          for (unsigned e = 0; e < k; ++e) want += a[r][e] * b[e][q];
          EXPECT(__builtin_bit_cast(double, regs.q(i)[l]) == want);
        }
    }
}
SIM_TEST(movmatrix) {
  Registers regs;
  uint16_t m[8][8];
  for (unsigned l = 0; l < LANES; ++l)
    for (unsigned h = 0; h < 2; ++h) {
      m[l / 4][2 * (l % 4) + h] = uint16_t(100 * l + h);
      regs.r(1)[l] = (h ? regs.r(1)[l] : 0) | uint32_t(100 * l + h) << 16 * h;
    }
  Prepared("movmatrix.sync.aligned.m8n8.trans.b16 %r0, %r1").run(regs);
  for (unsigned l = 0; l < LANES; ++l)
    EXPECT(regs.r(0)[l] == (m[2 * (l % 4)][l / 4] | uint32_t(m[2 * (l % 4) + 1][l / 4]) << 16));
}

}  // namespace
}  // namespace sim::isa_test
