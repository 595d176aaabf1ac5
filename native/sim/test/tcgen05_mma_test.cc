// tcgen05.mma of every kind, type, shape, major-ness and swizzle.
#include "tensor_multiply.h"

using namespace sim;

namespace tcgen05_mma_test {

using types::BF16, types::E2M1, types::E2M3, types::E3M2, types::E4M3, types::E5M2, types::F16, types::MXF4, types::S8, types::TF32,
    types::U8;
using namespace sim::testing;

namespace {

using S = TestLayout::Swizzle;
constexpr S SWIZZLES[] = {S::NONE, S::S32, S::S64, S::S128};

MultiplyCase of(const char* kind, const TestType& a, const TestType& b, uint32_t k, uint32_t d_type = 1) {
  MultiplyCase c;
  c.kind = kind, c.a = &a, c.b = &b, c.k = k, c.d_type = d_type;
  return c;
}
MultiplyCase scaled(const char* kind, const TestType& a, const TestType& b, uint32_t k, uint32_t vec,
                    const char* modifiers) {
  MultiplyCase c = of(kind, a, b, k);
  c.scale_vec = vec, c.modifiers = modifiers;
  return c;
}
std::vector<MultiplyCase> kinds() {
  return {of("f16", F16, F16, 16),
          of("f16", BF16, BF16, 16),
          of("tf32", TF32, TF32, 8),
          of("f8f6f4", E4M3, E5M2, 32),
          of("i8", U8, S8, 32, 2),
          scaled("mxf8f6f4", E4M3, E2M1, 32, 1, ""),
          scaled("mxf4", MXF4, MXF4, 64, 2, ""),
          scaled("mxf4nvf4", MXF4, MXF4, 64, 4, ".scale_vec::4X")};
}

// K-major operands in every layout.
TEST(tcgen05_mma_swizzles) {
  for (MultiplyCase c : kinds())
    for (S a : SWIZZLES)
      for (S b : SWIZZLES) {
        if (a != b && a != S::S128 && b != S::S128) continue;
        c.swizzle_a = a, c.swizzle_b = b;
        check_multiply(c);
      }
  for (MultiplyCase c : kinds()) {
    c.swizzle_a = c.swizzle_b = S::S128_ATOM32;
    check_multiply(c);
  }
}

// MN-major operands: tf32 only with 32-byte atoms, the others only without.
TEST(tcgen05_mma_transposed) {
  for (MultiplyCase c : kinds()) {
    if (c.packed()) continue;
    const bool tf32 = c.kind == "tf32";
    for (S s : SWIZZLES)
      for (unsigned which = 1; which < 4; ++which) {
        c.a_mn = which & 1, c.b_mn = which & 2;
        c.swizzle_a = tf32 && c.a_mn ? S::S128_ATOM32 : s, c.swizzle_b = tf32 && c.b_mn ? S::S128_ATOM32 : s;
        for (uint32_t n : {16u, 48u, 64u, 256u}) {
          c.n = n;
          check_multiply(c);
        }
      }
  }
}

TEST(tcgen05_mma_shapes) {
  for (MultiplyCase c : kinds()) {
    const bool i8 = c.kind == "i8";
    for (uint32_t n = 8; n <= 256; n += n < 64 ? 8 : 24) {
      if (i8 && n > 32 && n % 16) continue;
      for (uint32_t m : {64u, 128u}) {
        if (m == 64 && c.scaled()) continue;
        c.m = m, c.n = n;
        check_multiply(c);
      }
    }
    c.n = 256;
    check_multiply(c);
  }
}

// Two CTAs: rows of A and columns of B are split over them, D's rows too; M = 128 has its own layout.
TEST(tcgen05_mma_pair) {
  for (MultiplyCase c : kinds()) {
    c.group = 2;
    const uint32_t step = c.kind == "i8" ? 32 : 16;
    for (uint32_t m : {128u, 256u})
      for (uint32_t n : {step, 3 * step, 64u, 128u, 256u - step, 256u}) {
        c.m = m, c.n = n;
        check_multiply(c);
      }
    if (c.packed()) continue;
    c.m = 256, c.n = 64, c.a_mn = c.b_mn = true;
    if (c.kind == "tf32") c.swizzle_a = c.swizzle_b = S::S128_ATOM32;
    check_multiply(c);
    c.m = 128, c.n = 96;
    check_multiply(c);
  }
}

// Every pair of element types.
TEST(tcgen05_mma_types) {
  for (const TestType* a : {&E4M3, &E5M2, &E2M3, &E3M2, &E2M1})
    for (const TestType* b : {&E4M3, &E5M2, &E2M3, &E3M2, &E2M1}) {
      check_multiply(of("f8f6f4", *a, *b, 32));
      MultiplyCase c = scaled("mxf8f6f4", *a, *b, 32, 1, ".block32");
      check_multiply(c);
      c.a_mn = c.b_mn = true;
      check_multiply(c);
    }
  for (const TestType* a : {&U8, &S8})
    for (const TestType* b : {&U8, &S8}) check_multiply(of("i8", *a, *b, 32, 2));
  check_multiply(of("f16", F16, F16, 16, 0));
  check_multiply(of("f8f6f4", E4M3, E4M3, 32, 0));
}

// Which bytes of the scale words count, and both scale types.
TEST(tcgen05_mma_scale_factors) {
  for (uint32_t group : {1u, 2u})
    for (uint32_t m : {128u, 256u}) {
      if (m == 256 && group == 1) continue;
      auto check = [&](MultiplyCase c, uint32_t step) {
        c.group = group, c.m = m, c.n = 96;
        for (uint32_t a = 0; a < 4; a += step)
          for (uint32_t b = 0; b < 4; b += step) c.sfa_id = a, c.sfb_id = b, check_multiply(c);
        c.n = 256, check_multiply(c);
      };
      check(scaled("mxf8f6f4", E4M3, E5M2, 32, 1, ".scale_vec::1X"), 1);
      check(scaled("mxf4", MXF4, MXF4, 64, 2, ".scale_vec::2X"), 2);
      check(scaled("mxf4nvf4", MXF4, MXF4, 64, 2, ".block32"), 2);
      check(scaled("mxf4nvf4", MXF4, MXF4, 64, 4, ".block16"), 4);
      MultiplyCase c = scaled("mxf4nvf4", MXF4, MXF4, 64, 4, ".scale_vec::4X.collector::a::lastuse");
      c.ue4m3 = true;
      check(c, 4);
    }
}

TEST(tcgen05_mma_a_in_tensor_memory) {
  for (MultiplyCase c : kinds()) {
    c.a_in_tmem = true;
    check_multiply(c);
    if (!c.scaled()) {
      c.m = 64, check_multiply(c);
      c.lane = 16, check_multiply(c);
      c.lane = 0;
    }
    c.group = 2, c.m = 256, check_multiply(c);
    c.m = 128, check_multiply(c);
  }
  for (const TestType* a : {&E5M2, &E2M3, &E3M2, &E2M1}) {
    MultiplyCase c = of("f8f6f4", *a, E4M3, 32);
    c.a_in_tmem = true;
    check_multiply(c);
  }
}

TEST(tcgen05_mma_modifiers) {
  for (MultiplyCase c : kinds()) {
    if (c.kind != "i8") {
      c.negate_a = true, check_multiply(c);
      c.negate_b = true, check_multiply(c);
      c.negate_a = false, check_multiply(c);
      c.negate_b = false;
    } else {
      c.saturate = true, check_multiply(c);
    }
    c.accumulate = false, check_multiply(c);
    c.accumulate = true;
    // what the collector keeps changes nothing that can be seen
    const std::string scale = c.modifiers;
    for (const char* use : {"fill", "use", "lastuse", "discard"})
      for (c.group = 1; c.group <= 2; ++c.group) {
        c.modifiers = scale + ".collector::a::" + use, c.m = 128 * c.group;
        check_multiply(c);
      }
    c.modifiers = scale, c.group = 1, c.m = 128;
    if (c.kind == "f16" || c.kind == "tf32") {
      c.scale_d = 3, check_multiply(c);
      if (c.a == &types::F16) c.d_type = 0, check_multiply(c);
      c.scale_d = 0, c.d_type = 1;
    }
    if (c.scaled()) continue;
    c.disabled = {0x1, 0xf0f0f0f0, 0, 0xffffffff}, check_multiply(c);
    c.m = 64, c.lane = 16, check_multiply(c);
    c.lane = 0, c.group = 2, c.m = 256;
    c.disabled = {0x1, 0xf0f0f0f0, 0, 0xffffffff, 5, 0, 7, 0x80000000}, check_multiply(c);
    c.m = 128, check_multiply(c);
  }
}

// Every spelling of the size of scale vectors.
TEST(tcgen05_mma_scale_spellings) {
  const MultiplyCase all[] = {scaled("mxf8f6f4", E4M3, E5M2, 32, 1, ""), scaled("mxf8f6f4", E4M3, E5M2, 32, 1, ".scale_vec::1X"),
                              scaled("mxf8f6f4", E4M3, E5M2, 32, 1, ".block32"), scaled("mxf4", MXF4, MXF4, 64, 2, ""),
                              scaled("mxf4", MXF4, MXF4, 64, 2, ".scale_vec::2X"), scaled("mxf4", MXF4, MXF4, 64, 2, ".block32"),
                              scaled("mxf4nvf4", MXF4, MXF4, 64, 2, ".scale_vec::2X"), scaled("mxf4nvf4", MXF4, MXF4, 64, 2, ".block32"),
                              scaled("mxf4nvf4", MXF4, MXF4, 64, 4, ".scale_vec::4X"), scaled("mxf4nvf4", MXF4, MXF4, 64, 4, ".block16")};
  for (MultiplyCase c : all)
    for (c.group = 1; c.group <= 2; ++c.group)
      for (bool tmem : {false, true}) {
        c.m = 128 * c.group, c.a_in_tmem = tmem;
        check_multiply(c);
      }
}

// A sparse A: half of K is stored, metadata in tensor memory says where it belongs.
TEST(tcgen05_mma_sparse) {
  for (MultiplyCase c : kinds()) {
    c.sparse = true, c.k *= 2;
    check_multiply(c);
    c.a_in_tmem = true, check_multiply(c);
    c.a_in_tmem = false;
    if (c.kind == "f16" || c.kind == "tf32") c.selector = 1, check_multiply(c);
    if (!c.packed()) {
      c.a_mn = c.b_mn = true;
      if (c.kind == "tf32") c.swizzle_a = c.swizzle_b = S::S128_ATOM32;
      check_multiply(c);
      c.a_mn = c.b_mn = false, c.swizzle_a = c.swizzle_b = S::NONE, check_multiply(c);
    }
    c.group = 2, c.m = 256, check_multiply(c);
    if (c.scaled()) continue;
    c.m = 128, check_multiply(c);
    c.lane = 16, check_multiply(c);
    c.group = 1, c.m = 64, check_multiply(c);
    c.lane = 0, c.ws = true, check_multiply(c);
    c.m = 32, c.a_in_tmem = true, check_multiply(c);
  }
}

// Weight stationary: M = 32 and 64 spread N over groups of lanes; columns of B may be skipped and shifted.
TEST(tcgen05_mma_ws) {
  for (MultiplyCase c : kinds()) {
    if (c.scaled()) continue;
    c.ws = true;
    for (uint32_t m : {32u, 64u, 128u})
      for (uint32_t n : {64u, 128u, 256u})
        for (bool tmem : {false, true}) {
          c.m = m, c.n = n, c.a_in_tmem = tmem;
          c.modifiers = n == 64 ? "" : n == 128 ? ".collector::b0::fill" : ".collector::b3::use";
          check_multiply(c);
        }
    c.a_in_tmem = false, c.m = 64, c.n = 64, c.modifiers = "";
    // example 3 of the text: spans of 4 used and 3 skipped columns, the first half begins with a skipped one
    c.column_mask = 1ull << 32 | 1ull << 39 | 2ull << 40 | 3ull << 48;
    c.column_used = [](uint32_t n) { return n < 32 ? n % 7 >= 3 : (n - 32) % 7 < 4; };
    check_multiply(c);
    // example 4
    c.m = 32, c.max_shift = 8, c.shift = 2;
    c.column_mask = 0x01020100ull | 3ull << 32 | 1ull << 39 | 2ull << 40 | 3ull << 48 | 2ull << 56;
    c.column_used = [](uint32_t n) {
      const uint32_t quarter = n / 16, at = n % 16;
      return quarter == 0   ? at % 7 >= 3
             : quarter == 1 ? (at + 1) % 7 >= 3
             : quarter == 2 ? (at + 2) % 7 < 4
                            : (at + 1) % 7 < 4;
    };
    check_multiply(c);
  }
}

}  // namespace

}  // namespace tcgen05_mma_test
