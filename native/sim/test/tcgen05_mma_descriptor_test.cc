// The descriptors of tcgen05.mma as plain functions: every field, and what makes it illegal.
#include "native/sim/numerics/umma_descriptor.h"
#include <algorithm>

#include "test.h"

namespace tcgen05_mma_descriptor_test {

using namespace sim::umma;


namespace {

Modifiers by(Kind kind, uint8_t group = 1, bool ws = false, uint8_t vec = 0) {
  Modifiers m;
  m.kind = kind, m.cta_group = group, m.ws = ws, m.scale_vec = vec;
  return m;
}
uint32_t shape(uint32_t m, uint32_t n) { return n / 8 << 17 | m / 16 << 24; }
void legal(const Modifiers& m, uint32_t bits) {
  Instruction i;
  CHECK_EQ(decode(m, bits, i), std::string());
}
void illegal(const Modifiers& m, uint32_t bits, const std::string& word) {
  Instruction i;
  const std::string s = decode(m, bits, i);
  CHECK(s.find(word) != std::string::npos, "'", word, "' in '", s, "'");
  CHECK(s.find("expected") != std::string::npos, s);
}

TEST(tcgen05_mma_instruction_descriptor) {
  Instruction i;
  CHECK_EQ(decode(by(Kind::f16), 1u << 4 | 1u << 7 | 1u << 10 | 1u << 13 | 1u << 16 | shape(128, 256), i), std::string());
  CHECK(i.a == Number::bf16 && i.b == Number::bf16 && i.d == Accumulator::f32);
  CHECK(i.negate_a && !i.negate_b && !i.a_mn_major && i.b_mn_major);
  CHECK(i.m == 128 && i.n == 256 && i.k == 16);
  CHECK_EQ(decode(by(Kind::mxf4nvf4, 2, false, 4), 1u << 7 | 1u << 10 | shape(256, 128), i), std::string());
  CHECK(i.a == Number::e2m1 && i.k == 64 && i.scale == ScaleType::ue4m3 && i.sfa_id == 0);
  CHECK_EQ(decode(by(Kind::mxf8f6f4, 1, false, 1), 3u << 4 | 5u << 7 | 3u << 10 | 1u << 23 | 2u << 29 | shape(128, 8), i),
           std::string());
  CHECK(i.a == Number::e2m1 && i.b == Number::e2m3 && i.sfb_id == 3 && i.sfa_id == 2 && i.k == 32);
  CHECK_EQ(decode(by(Kind::i8), 2u << 4 | 1u << 3 | 1u << 7 | shape(64, 48), i), std::string());
  CHECK(i.saturate && i.a == Number::s8 && i.b == Number::u8 && i.d == Accumulator::s32 && i.k == 32);
  CHECK_EQ(decode(by(Kind::tf32, 1, true), 1u << 4 | 2u << 7 | 2u << 10 | 2u << 30 | shape(32, 64), i), std::string());
  CHECK(i.max_shift == 16 && i.k == 8);
}

TEST(tcgen05_mma_instruction_descriptor_illegal) {
  const uint32_t f32 = 1u << 4;
  illegal(by(Kind::f16), f32 | 1u << 2 | shape(128, 64), "sparsity bit");
  illegal(by(Kind::f16), f32 | 1u | shape(128, 64), "sparsity selector");
  illegal(by(Kind::f16), f32 | 1u << 3 | shape(128, 64), "saturate");
  illegal(by(Kind::f16), f32 | 1u << 6 | shape(128, 64), "bit 6");
  illegal(by(Kind::f16), f32 | 1u << 23 | shape(128, 64), "bit 23");
  illegal(by(Kind::f16), f32 | 1u << 29 | shape(128, 64), "bit 29");
  illegal(by(Kind::f16), f32 | 1u << 30 | shape(128, 64), "maximum shift");
  illegal(by(Kind::f16), 2u << 4 | shape(128, 64), "D type");
  illegal(by(Kind::f16), 1u << 7 | 1u << 10 | shape(128, 64), "D type");  // bf16 sums in f32 only
  illegal(by(Kind::f16), f32 | 2u << 7 | 2u << 10 | shape(128, 64), "A type");
  illegal(by(Kind::f16), f32 | 1u << 10 | shape(128, 64), "equal ones");
  illegal(by(Kind::tf32), f32 | 2u << 7 | shape(128, 64), "B type");
  illegal(by(Kind::f8f6f4), f32 | 2u << 7 | shape(128, 64), "A type");
  illegal(by(Kind::i8), 1u << 4 | shape(128, 64), "D type");
  illegal(by(Kind::i8), 2u << 4 | 1u << 13 | shape(128, 64), "negation");
  illegal(by(Kind::mxf4, 1, false, 2), 1u << 7 | 1u << 10 | 1u << 15 | 1u << 23 | shape(128, 64), "transposition");
  illegal(by(Kind::mxf4, 1, false, 2), 1u << 7 | 1u << 10 | shape(128, 64), "scale type");
  illegal(by(Kind::mxf4nvf4, 1, false, 2), 1u << 7 | 1u << 10 | shape(128, 64), "scale type");
  illegal(by(Kind::mxf4, 1, false, 2), 1u << 7 | 1u << 10 | 1u << 23 | 1u << 31 | shape(128, 64), "K (bit 31)");
  illegal(by(Kind::mxf4, 1, false, 2), 1u << 7 | 1u << 10 | 1u << 23 | 1u << 29 | shape(128, 64), "scale factor A ID");
  illegal(by(Kind::mxf4nvf4, 1, false, 4), 1u << 7 | 1u << 10 | 2u << 4 | shape(128, 64), "scale factor B ID");
}

// Which M and N there are: Table 39.
TEST(tcgen05_mma_instruction_descriptor_shapes) {
  struct Rule {
    Modifiers m;
    uint32_t bits;
    std::vector<uint32_t> ms;
    uint32_t step;
  };
  const uint32_t f32 = 1u << 4, mx = 1u << 23, fp4 = 1u << 7 | 1u << 10 | mx;
  const std::vector<Rule> rules = {{by(Kind::f16), f32, {64, 128}, 8},
                                   {by(Kind::f16, 2), f32, {128, 256}, 16},
                                   {by(Kind::tf32), f32 | 2u << 7 | 2u << 10, {64, 128}, 8},
                                   {by(Kind::f8f6f4, 2), f32, {128, 256}, 16},
                                   {by(Kind::i8, 2), 2u << 4, {128, 256}, 32},
                                   {by(Kind::mxf8f6f4, 1, false, 1), mx, {128}, 8},
                                   {by(Kind::mxf8f6f4, 2, false, 1), mx, {128, 256}, 16},
                                   {by(Kind::mxf4, 1, false, 2), fp4, {128}, 8},
                                   {by(Kind::mxf4nvf4, 2, false, 4), fp4, {128, 256}, 16}};
  for (const Rule& r : rules)
    for (uint32_t m = 0; m <= 496; m += 16)
      for (uint32_t n = 0; n <= 504; n += 8) {
        const bool m_ok = std::find(r.ms.begin(), r.ms.end(), m) != r.ms.end(), n_ok = n && n <= 256 && n % r.step == 0;
        if (m_ok && n_ok)
          legal(r.m, r.bits | shape(m, n));
        else
          illegal(r.m, r.bits | shape(m, n), m_ok ? "N of" : "M of");
      }
  legal(by(Kind::i8), 2u << 4 | shape(64, 24));
  illegal(by(Kind::i8), 2u << 4 | shape(64, 40), "multiple of 16");
  illegal(by(Kind::f8f6f4), f32 | 1u << 16 | shape(64, 24), "B transposed");
  illegal(by(Kind::f8f6f4, 2), f32 | 1u << 16 | shape(128, 48), "multiple of 32");
  for (uint32_t n : {64u, 128u, 256u})
    for (uint32_t m : {32u, 64u, 128u}) legal(by(Kind::f16, 1, true), f32 | shape(m, n));
  illegal(by(Kind::f16, 1, true), f32 | shape(64, 96), "64, 128 or 256");
  illegal(by(Kind::f16, 1, true), f32 | shape(256, 64), "32, 64 or 128");
}

TEST(tcgen05_mma_shared_descriptor) {
  SharedMatrix k;
  CHECK_EQ(decode(uint64_t(0x1400 >> 4) | uint64_t(0x80 >> 4) << 16 | uint64_t(0x400 >> 4) << 32 | 1ull << 46 | 4ull << 61, k),
           std::string());
  CHECK(k.start == 0x1400 && k.leading == 0x80 && k.stride == 0x400 && k.swizzle == SharedMatrix::bytes64);
  auto wrong = [](uint64_t bits, const char* word) {
    SharedMatrix s;
    const std::string sentence = decode(bits, s);
    CHECK(sentence.find(word) != std::string::npos, "'", word, "' in '", sentence, "'");
  };
  const uint64_t fine = 1ull << 46;
  wrong(0, "bits 46-48");
  wrong(fine | 2ull << 46, "bits 46-48");
  wrong(fine | 1ull << 14, "bits 14-15");
  wrong(fine | 1ull << 30, "bits 30-31");
  wrong(fine | 1ull << 53, "bits 53-60");
  wrong(fine | 1ull << 49, "base offset");
  wrong(fine | 1ull << 52, "leading dimension mode");
  wrong(fine | 3ull << 61, "swizzle");
  wrong(fine | 7ull << 61, "swizzle");
}

TEST(tcgen05_mma_layout_of_type) {
  Instruction i;
  CHECK_EQ(decode(by(Kind::tf32), 1u << 4 | 2u << 7 | 2u << 10 | 1u << 15 | shape(128, 64), i), std::string());
  SharedMatrix m;
  m.swizzle = SharedMatrix::bytes128;
  CHECK(check_layout(i, true, m).find("32-byte atoms") != std::string::npos);
  CHECK_EQ(check_layout(i, false, m), std::string());
  m.swizzle = SharedMatrix::bytes128_atom32;
  CHECK_EQ(check_layout(i, true, m), std::string());
  CHECK_EQ(decode(by(Kind::f16), 1u << 4 | 1u << 15 | shape(128, 64), i), std::string());
  CHECK(check_layout(i, true, m).find("no 32-byte atoms") != std::string::npos);
}

// The text's four examples.
TEST(tcgen05_mma_column_mask) {
  auto used = [](uint32_t m, uint32_t n, uint64_t bits, ColumnMask& c) {
    Instruction i;
    Modifiers ws = by(Kind::f16, 1, true);
    CHECK_EQ(decode(ws, 1u << 4 | 2u << 30 | shape(m, n), i), std::string());
    CHECK_EQ(decode(i, bits, c), std::string());
  };
  const uint64_t spans = 2ull << 40 | 3ull << 48, on = 1ull << 39;
  ColumnMask c;
  used(128, 64, 4ull << 40 | 3ull << 48, c);
  for (unsigned n = 0; n < 64; ++n) CHECK(c.used[n]);
  used(128, 64, on | spans, c);
  for (unsigned n = 0; n < 64; ++n) CHECK_EQ(c.used[n], n % 7 < 4, n);
  used(64, 64, on | spans | 1ull << 32, c);
  for (unsigned n = 0; n < 32; ++n) CHECK(c.used[n] == (n % 7 >= 3) && c.used[n + 32] == (n % 7 < 4), n);
  used(32, 128, on | spans | 3ull << 32 | 0x01020100ull | 2ull << 56, c);
  CHECK_EQ(c.shift, 2u);
  const std::string quarter[] = {"0001111000", "0011110001", "1100011110", "1110001111"};  // 1: used, column 0 first
  for (unsigned q = 0; q < 4; ++q)
    for (unsigned n = 0; n < quarter[q].size(); ++n) CHECK_EQ(c.used[32 * q + n], quarter[q][n] == '1', q, " ", n);
  Instruction i;
  CHECK_EQ(decode(by(Kind::f16, 1, true), 1u << 4 | shape(64, 64), i), std::string());
  CHECK(decode(i, 1ull << 56, c).find("column shift") != std::string::npos);
  CHECK(decode(i, 1ull << 36, c).find("reserved") != std::string::npos);
}

}  // namespace

}  // namespace tcgen05_mma_descriptor_test
