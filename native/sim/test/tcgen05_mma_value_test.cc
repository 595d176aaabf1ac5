// What tcgen05.mma makes of values: the order of rounding, NaN, what nobody has written; and forms that do not exist.
#include "tensor_multiply.h"

using namespace sim;
using namespace sim::testing;

namespace {

// Random numbers whose sums are not exact: fused multiply-adds in ascending k, one rounding each.
TEST(tcgen05_mma_rounding) {
  MultiplyCase c;
  c.a = c.b = &types::BF16, c.n = 40;
  Multiply t(c);
  TensorMachine& m = t.machine();
  std::mt19937_64 rng(5);
  float a[128][16], b[40][16], d[128][40];
  auto put = [&](const TestLayout& l, uint32_t r, uint32_t k) {
    const uint32_t code = uint32_t(rng() & 0x807f) | uint32_t(120 + rng() % 14) << 7;
    for (unsigned h = 0; h < 2; ++h) m.set_bits(0, l.piece(r, k / 8) + k % 8 * 2 + h, 0, 8, code >> 8 * h & 255);
    return __builtin_bit_cast(float, code << 16);
  };
  for (uint32_t k = 0; k < 16; ++k) {
    for (uint32_t r = 0; r < 128; ++r) a[r][k] = put(t.layout_a(), r, k);
    for (uint32_t r = 0; r < 40; ++r) b[r][k] = put(t.layout_b(), r, k);
  }
  for (uint32_t r = 0; r < 128; ++r)
    for (uint32_t n = 0; n < 40; ++n) {
      d[r][n] = float(int(rng() % 2001) - 1000) / 7;
      m.set_word(0, r, n, __builtin_bit_cast(uint32_t, d[r][n]));
    }
  t.run();
  for (uint32_t r = 0; r < 128; ++r)
    for (uint32_t n = 0; n < 40; ++n) {
      float want = d[r][n];
      for (uint32_t k = 0; k < 16; ++k) want = std::fma(a[r][k], b[n][k], want);
      CHECK_EQ(m.word(0, r, n), __builtin_bit_cast(uint32_t, want), "row ", r, " column ", n);
    }
  m.end();
}

TEST(tcgen05_mma_nan) {
  MultiplyCase c;
  c.n = 16;
  Multiply t(c);
  TensorMachine& m = t.machine();
  m.set_word(0, 3, 5, 0xffc12345u);  // some NaN
  m.set_word(0, 4, 5, 0x7f800000u);
  t.run();
  CHECK_EQ(m.word(0, 3, 5), 0x7fffffffu);
  CHECK_EQ(m.word(0, 4, 5), 0x7f800000u);
  m.end();
}

// Only what depends on bytes that nobody has written is undefined afterwards.
TEST(tcgen05_mma_unwritten_rows) {
  struct Part {
    const char* what;
    std::function<void(Multiply&)> unwrite;
    std::function<bool(uint32_t, uint32_t)> undefined;
  };
  auto forget = [](Multiply& t, const TestLayout& l, uint32_t row) {
    t.machine().cta(0).shared_shadow[l.piece(row, 1) / 8 + 1] &= 0x7f;
  };
  auto forget_word = [](Multiply& t, uint32_t lane, uint32_t column) {
    tmem_of(t.machine().cta(0)).written[lane / 16][column] &= uint16_t(~(1u << lane % 16));
  };
  const Part parts[] = {
      {"a row of A", [&](Multiply& t) { forget(t, t.layout_a(), 37); }, [](uint32_t r, uint32_t) { return r == 37; }},
      {"a row of B", [&](Multiply& t) { forget(t, t.layout_b(), 21); }, [](uint32_t, uint32_t n) { return n == 21; }},
      {"a word of D", [&](Multiply& t) { forget_word(t, 80, 7); },
       [](uint32_t r, uint32_t n) { return r == 80 && n == 7; }},
      {"factors of A", [&](Multiply& t) { forget_word(t, 32 + 9, Multiply::SFA + 1); },
       [](uint32_t r, uint32_t) { return r == 41; }},
      {"factors of B", [&](Multiply& t) { forget_word(t, 64 + 9, Multiply::SFB + 1); },
       [](uint32_t, uint32_t n) { return n == 41; }}};
  for (const Part& p : parts) {
    MultiplyCase c;
    c.kind = "mxf8f6f4", c.a = c.b = &types::E4M3, c.k = 32, c.scale_vec = 1;
    Multiply t(c);
    p.unwrite(t);
    t.run();
    for (uint32_t r = 0; r < 128; ++r)
      for (uint32_t n = 0; n < 64; ++n)
        CHECK_EQ(tmem_of(t.machine().cta(0)).is_written(r, n, 1), !p.undefined(r, n), p.what, ": row ", r, " column ", n);
    t.machine().end();
  }
  // MN-major: a piece holds eight rows
  MultiplyCase c;
  c.a_mn = true;
  Multiply t(c);
  t.machine().cta(0).shared_shadow[t.layout_a().piece(3, 2) / 8] &= 0xfe;
  t.run();
  for (uint32_t r = 0; r < 128; ++r) CHECK_EQ(tmem_of(t.machine().cta(0)).is_written(r, 9, 1), r / 8 != 2, "row ", r);
  t.machine().end();
}

TEST(tcgen05_mma_scale_copies_differ) {
  MultiplyCase c;
  c.kind = "mxf4", c.a = c.b = &types::MXF4, c.k = 64, c.scale_vec = 2;
  Multiply t(c);
  t.machine().word(0, 96 + 5, Multiply::SFB) ^= 1;
  const std::string s = trap_of([&] { t.run(); }).what();
  CHECK(s.find("expected lane 101 to hold a copy of lane 5") != std::string::npos, s);
}

// .ashift: rows of A in tensor memory move down by one, the last one stays.
TEST(tcgen05_mma_ashift) {
  for (uint32_t group : {1u, 2u}) {
    MultiplyCase c;
    c.a_in_tmem = true, c.group = group, c.m = 128 * group, c.modifiers = ".ashift.collector::a::lastuse";
    c.accumulate = false;
    Multiply shifted(c);
    c.modifiers = "";
    Multiply plain(c);
    for (uint32_t r = 0; r < group; ++r) tmem_of(plain.machine().cta(r)) = tmem_of(shifted.machine().cta(r));
    for (uint32_t r = 0; r < group; ++r) plain.machine().cta(r).shared = shifted.machine().cta(r).shared;
    shifted.run(), plain.run();
    for (uint32_t r = 0; r < group; ++r)
      for (uint32_t lane = 0; lane < 128; ++lane)
        for (uint32_t n = 0; n < 64; ++n)
          CHECK_EQ(shifted.machine().word(r, lane, n), plain.machine().word(r, std::min(lane + 1, 127u), n));
    shifted.machine().end(), plain.machine().end();
  }
}

// The tensor memory address of D: lane 0, or 16 where 16 lanes of each 32 are used.
TEST(tcgen05_mma_lane_alignment) {
  MultiplyCase c;
  c.lane = 16;
  std::string s = trap_of([&] { Multiply(c).run(); }).what();
  CHECK(s.find("address of D: expected lane 0, got 16") != std::string::npos, s);
  c.m = 64, c.lane = 8;
  s = trap_of([&] { Multiply(c).run(); }).what();
  CHECK(s.find("expected lane 0 or 16, got 8") != std::string::npos, s);
}

TEST(tcgen05_mma_no_such_form) {
  auto refused = [](const std::string& text) {
    TensorMachine m("mov.b32 %r1, 0; mov.b64 %rd1, 0; setp.eq.u32 %p1, 0, 0;\n@%p0 " + text + ";", 1);
    const std::string s = trap_of([&] { m.run(); }).what();
    CHECK(s.find("no semantics for tcgen05.mma") != std::string::npos, text, ": ", s);
  };
  refused("tcgen05.mma.kind::f16 [%r1], %rd1, %rd1, %r1, %p1");
  refused("tcgen05.mma.cta_group::1.kind::f17 [%r1], %rd1, %rd1, %r1, %p1");
  refused("tcgen05.mma.ws.cta_group::2.kind::f16 [%r1], %rd1, %rd1, %r1, %p1");
  refused("tcgen05.mma.cta_group::1.kind::f16.collector::b0::fill [%r1], %rd1, %rd1, %r1, %p1");
  refused("tcgen05.mma.ws.cta_group::1.kind::f16.collector::a::fill [%r1], %rd1, %rd1, %r1, %p1");
  refused("tcgen05.mma.cta_group::1.kind::f16.ashift [%r1], %rd1, %rd1, %r1, %p1");
  refused("tcgen05.mma.cta_group::1.kind::f16.ashift.collector::a::use [%r1], [%r1], %rd1, %r1, %p1");
  refused("tcgen05.mma.cta_group::1.kind::f16 [%r1], %rd1, %rd1, %r1, {%r1, %r1}, %p1");
  refused("tcgen05.mma.cta_group::1.kind::f16 [%r1], %rd1, %rd1, %r1, %p1, 16");
  refused("tcgen05.mma.cta_group::1.kind::i8 [%r1], %rd1, %rd1, %r1, %p1, 1");
  refused("tcgen05.mma.cta_group::1.kind::mxf4nvf4.block_scale [%r1], %rd1, %rd1, %r1, [%r1], [%r1], %p1");
  refused("tcgen05.mma.cta_group::1.kind::mxf8f6f4.block_scale.block16 [%r1], %rd1, %rd1, %r1, [%r1], [%r1], %p1");
  refused("tcgen05.mma.cta_group::1.kind::f16.block_scale [%r1], %rd1, %rd1, %r1, [%r1], [%r1], %p1");
}

}  // namespace
