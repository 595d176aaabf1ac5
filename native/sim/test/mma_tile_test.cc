// The columns of numerics/mma_columns.h against the definition of a tensor core's sum, numerics/tensor_core.h, bit by bit:
// tiles of ordinary numbers, which must go by columns, and of numbers made to part the two.
#include <random>

#include "../numerics/mma_tile.h"
#include "test.h"

#ifdef SIM_MMA_COLUMNS

using namespace sim;

namespace mma_tile_test {

namespace {

using Rng = std::mt19937_64;

struct Numbers {
  const char* name;
  int least, most;  // exponents of normal numbers
  unsigned mantissa;
  bool infinite = true;
};
constexpr Numbers F16_{"f16", -14, 15, 10}, BF16_{"bf16", -126, 127, 7}, TF32_{"tf32", -126, 127, 10}, E4M3_{"e4m3", -6, 8, 3, false},
    E5M2_{"e5m2", -14, 15, 2}, F32_{"f32", -126, 127, 23};

// 2^e times a number in [1, 2); a subnormal or zero below the format's least exponent, its largest number above its most.
float number(const Numbers& f, bool negative, int e, uint32_t mantissa) {
  mantissa &= (1u << f.mantissa) - 1;
  const double size = e < f.least   ? std::ldexp(mantissa, f.least - int(f.mantissa))
                      : e > f.most ? std::ldexp((2u << f.mantissa) - 1, f.most - int(f.mantissa))
                                   : std::ldexp(mantissa + (1u << f.mantissa), e - int(f.mantissa));
  return float(negative ? -size : size);
}
float any_code(const Numbers& f, Rng& rng) {
  if (f.infinite && rng() % 64 == 0) return rng() % 2 ? f32(F32_INF | uint32_t(rng() % 2) << 31) : f32(F32_NAN);
  return number(f, rng() % 2, f.least - 1 + int(rng() % unsigned(f.most - f.least + 2)), uint32_t(rng()));
}

// What a tile is made of. `plain`: its numbers are such that no tile of them may be left to the definition.
struct Kind {
  const char* name;
  bool plain;
  float (*element)(const Numbers&, Rng&, unsigned k);  // k: 32 for C
};
const Kind KINDS[] = {
    {"numbers of one size", true, [](const Numbers& f, Rng& r, unsigned) { return number(f, r() % 2, int(r() % 3) - 1, uint32_t(r())); }},
    {"a normal distribution", true,
     [](const Numbers& f, Rng& r, unsigned) {
       const double x = std::normal_distribution<double>()(r);
       return number(f, x < 0, x == 0 ? f.least - 1 : std::ilogb(x), uint32_t(r()));
     }},
    {"zeros of both signs among numbers", true,
     [](const Numbers& f, Rng& r, unsigned) { return r() % 3 ? r() % 2 ? 0.0f : -0.0f : number(f, r() % 2, 0, uint32_t(r())); }},
    {"nothing but zeros", true, [](const Numbers&, Rng& r, unsigned) { return r() % 2 ? 0.0f : -0.0f; }},
    // the bits cut are those of the smaller terms, of every distance from the largest
    {"exponents 14 apart", true,
     [](const Numbers& f, Rng& r, unsigned) { return number(f, r() % 2, std::max(f.least, int(r() % 15) - 10), uint32_t(r())); }},
    {"exponents 40 apart", false, [](const Numbers& f, Rng& r, unsigned) { return number(f, r() % 2, int(r() % 41) - 20, uint32_t(r())); }},
    {"terms that cancel", true,
     [](const Numbers& f, Rng& r, unsigned k) { return number(f, k % 2, int(k / 2 % 8) - 4, 0x2a5 + (r() % 16 == 0)); }},
    // sixteen products of nearly 4, and C of their sign: the sums that fill an integer
    {"the largest mantissas", false,
     [](const Numbers& f, Rng& r, unsigned k) { return number(f, k % 2 && r() % 8 == 0, k == 32 && r() % 4 ? 1 : 0, ~0u); }},
    {"the largest numbers", false,
     [](const Numbers& f, Rng& r, unsigned) { return number(f, r() % 2, f.most - int(r() % 3), uint32_t(r())); }},
    {"subnormals", false, [](const Numbers& f, Rng& r, unsigned) { return number(f, r() % 2, f.least + 1 - int(r() % 4), uint32_t(r())); }},
    // largest exponents on both sides of the least and the most that columns take
    {"exponents of a product about -100", false,
     [](const Numbers& f, Rng& r, unsigned k) { return number(f, r() % 2, (k == 32 ? -101 : -51) + int(r() % 3), uint32_t(r())); }},
    {"exponents of a product about 100", false,
     [](const Numbers& f, Rng& r, unsigned k) { return number(f, r() % 2, (k == 32 ? 99 : 49) + int(r() % 3), uint32_t(r())); }},
    {"any code", false, [](const Numbers& f, Rng& r, unsigned) { return any_code(f, r); }},
    {"a stray code", false,
     [](const Numbers& f, Rng& r, unsigned) { return r() % 100 ? number(f, r() % 2, -int(r() % 4), uint32_t(r())) : any_code(f, r); }},
};

template <unsigned PER, unsigned K>
struct Tile {
  static constexpr unsigned REGS = K / (4 * PER);
  alignas(64) Lanes32 low[REGS][PER], high[REGS][PER], b[REGS][PER], c[4], d[4];

  void fill(const Kind& kind, const Numbers& fa, const Numbers& fb, const Numbers& fc, Rng& rng) {
    for (unsigned r = 0; r < REGS; ++r)
      for (unsigned e = 0; e < PER; ++e)
        for (unsigned l = 0; l < 32; ++l) {
          const unsigned k = (4 * r + l % 4) * PER + e;
          low[r][e][l] = kind.element(fa, rng, k), high[r][e][l] = kind.element(fa, rng, k), b[r][e][l] = kind.element(fb, rng, k & ~1u);
        }
    for (Lanes32& r : c)
      for (float& v : r) v = kind.element(fc, rng, 32);
  }
};

template <unsigned PER, unsigned K>
void hold(const Numbers& fa, const Numbers& fb, bool half_c, const TensorCore& how) {
  Rng rng(PER * 1000 + K + how.fraction);
  Tile<PER, K> tile;
  Lanes32 want[4];
  for (const Kind& kind : KINDS) {
    unsigned by_columns = 0, all = 0;
    for (; all < 120; ++all) {
      tile.fill(kind, fa, fb, half_c ? F16_ : F32_, rng);
      if (!detail::multiply_columns<PER, K>(tile.low, tile.high, tile.b, tile.c, tile.d, how)) continue;
      ++by_columns;
      detail::multiply_by_definition<PER, K>(tile.low, tile.high, tile.b, tile.c, want, how);
      for (unsigned i = 0; i < 4; ++i)
        for (unsigned l = 0; l < 32; ++l)
          CHECK(bits(tile.d[i][l]) == bits(want[i][l]), fa.name, " x ", fb.name, ", K ", K, ", ", kind.name, ": register ", i,
                " of lane ", l, " expected ", bits(want[i][l]), ", got ", bits(tile.d[i][l]));
    }
    if (kind.plain) CHECK_EQ(by_columns, all, fa.name, " x ", fb.name, ", K ", K, ": tiles by columns, ", kind.name);
  }
}
template <unsigned PER, unsigned K>
void hold16(const Numbers& f, Element e) {
  for (bool half_c : {false, true})
    for (bool half_d : {false, true}) hold<PER, K>(f, f, half_c, tensor_core(e, e, half_c, half_d));
}

}  // namespace

TEST(mma_columns_f16) { hold16<2, 16>(F16_, Element::f16), hold16<2, 8>(F16_, Element::f16), hold16<2, 32>(F16_, Element::f16); }
TEST(mma_columns_bf16) { hold16<2, 16>(BF16_, Element::bf16), hold16<2, 8>(BF16_, Element::bf16); }
TEST(mma_columns_tf32) {
  hold<1, 8>(TF32_, TF32_, false, tensor_core(Element::tf32, Element::tf32, false, false));
  hold<1, 4>(TF32_, TF32_, false, tensor_core(Element::tf32, Element::tf32, false, false));
}
TEST(mma_columns_8_bits) {
  for (bool half : {false, true}) {
    hold<4, 32>(E4M3_, E5M2_, half, tensor_core_mma8(half));
    hold<4, 16>(E4M3_, E4M3_, half, tensor_core_mma8(half));
    hold<4, 64>(E5M2_, E5M2_, half, tensor_core_mma8(half));
    hold<4, 32>(E4M3_, E4M3_, half, tensor_core_wgmma8(Element::e4m3, Element::e4m3, half));
    hold<4, 32>(E5M2_, E4M3_, half, tensor_core_wgmma8(Element::e5m2, Element::e4m3, half));
  }
}
// A subnormal counts with the format's least exponent however few bits it has, and so cuts a C that is larger than it is.
TEST(mma_columns_subnormal_beside_large) {
  Rng rng(2);
  Tile<1, 8> tile;
  Lanes32 want[4];
  const TensorCore how = tensor_core(Element::tf32, Element::tf32, false, false);
  for (unsigned mantissa = 1; mantissa < 1024; mantissa *= 2)
    for (bool in_a : {false, true}) {
      tile.fill(KINDS[3], TF32_, TF32_, F32_, rng);
      for (unsigned l = 0; l < 32; ++l) {
        const float subnormal = number(TF32_, rng() % 2, -127, mantissa), large = number(TF32_, false, 60, uint32_t(rng()));
        tile.low[1][0][l] = tile.high[1][0][l] = in_a ? subnormal : large, tile.b[1][0][l] = in_a ? large : subnormal;
        for (Lanes32& r : tile.c) r[l] = number(F32_, rng() % 2, -80, uint32_t(rng()));
      }
      CHECK((detail::multiply_columns<1, 8>(tile.low, tile.high, tile.b, tile.c, tile.d, how)));
      detail::multiply_by_definition<1, 8>(tile.low, tile.high, tile.b, tile.c, want, how);
      for (unsigned i = 0; i < 4; ++i)
        for (unsigned l = 0; l < 32; ++l)
          CHECK(bits(tile.d[i][l]) == bits(want[i][l]) && want[i][l] != tile.c[i][l], "mantissa ", mantissa, ": register ", i,
                " of lane ", l, " expected ", bits(want[i][l]), ", got ", bits(tile.d[i][l]));
    }
}
// A tile with an infinity or a NaN in any of the three matrices is the definition's, even where it meets zeros only.
TEST(mma_columns_leave_infinities) {
  Rng rng(1);
  Tile<2, 16> tile;
  const TensorCore how = tensor_core(Element::bf16, Element::bf16, false, false);
  for (float odd : {f32(F32_INF), f32(F32_INF | 1u << 31), f32(F32_NAN)})
    for (unsigned where = 0; where < 4; ++where)
      for (unsigned lane = 0; lane < 32; ++lane) {
        tile.fill(KINDS[3], BF16_, BF16_, F32_, rng);
        (where == 0 ? tile.low[0][1] : where == 1 ? tile.high[1][0] : where == 2 ? tile.b[1][1] : tile.c[2])[lane] = odd;
        CHECK(!(detail::multiply_columns<2, 16>(tile.low, tile.high, tile.b, tile.c, tile.d, how)), "matrix ", where, " lane ", lane);
      }
}

#endif

}  // namespace mma_tile_test
