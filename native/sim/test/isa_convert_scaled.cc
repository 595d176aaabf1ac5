// cvt with random bits, with scale factors and to fixed point; cvt.pack. Expectations come from the values of the
// formats and from exact arithmetic in double.
#include <cmath>

#include "isa_reference.h"
#include "isa_row.h"

namespace sim::isa_test {
namespace {

const struct Narrow {
  const char* name;
  const Grid& grid;
  unsigned step;
} NARROW[] = {{"e4m3", e4m3_grid(), 8},
              {"e5m2", e5m2_grid(), 8},
              {"e2m3", e2m3_grid(), 8},
              {"e3m2", e3m2_grid(), 8},
              {"e2m1", e2m1_grid(), 4}};

// The magnitude lies a fraction of the way from one value to the next; with n random bits it goes up when the
// fraction, cut to n bits, and the random bits carry.
uint64_t stochastic(const Grid& g, float x, uint32_t random, unsigned n, bool relu) {
  if (x != x) return g.nan;
  const bool negative = std::signbit(x);
  if (relu && negative) return 0;
  const double a = std::fabs(double(x));
  const uint32_t top = g.codes - 1;
  uint32_t code = top;
  if (a < g.values[g.codes]) {
    code = 0;
    while (g.values[code + 1] <= a) ++code;
    const double fraction = (a - g.values[code]) / (g.values[code + 1] - g.values[code]);
    code += std::floor(std::ldexp(fraction, int(n))) + random >= std::ldexp(1.0, int(n));
  }
  return std::min(code, top) | (negative ? g.sign() : 0);
}
SIM_TEST(cvt_stochastic_x4) {
  for (const Narrow& f : NARROW)
    for (bool relu : {false, true}) {
      const bool fp4 = f.step == 4;
      const std::string d = fp4 ? "h0" : "r0";
      auto rng = std::make_shared<std::mt19937_64>(5);
      check_row(
          std::string("cvt.rs") + (relu ? ".relu" : "") + ".satfinite." + f.name + "x4.f32 %" + d +
              ", {%r1, %r2, %r3, %r4}, %r5",
          d.c_str(), {"r1", "r2", "r3", "r4", "r5"}, 300,
          [=](unsigned s, unsigned, unsigned) -> uint64_t {
            if (s == 4) return (*rng)() & 0xffffffff;
            const uint32_t v = hard_f32(*rng);
            return (*rng)() % 3 ? (v & 0x807fffff) | uint32_t(120 + (*rng)() % 16) << 23 : v;
          },
          [=](const uint64_t* v) {
            const uint64_t r = v[4];
            const uint64_t bits[4] = {fp4 ? r >> 24 : r >> 16, fp4 ? r >> 8 & 0xff : r >> 16,
                                      fp4 ? r >> 16 & 0xff : r & 0xffff, fp4 ? r & 0xff : r & 0xffff};
            uint64_t want = 0;
            for (unsigned k = 0; k < 4; ++k)
              want = want << f.step | stochastic(f.grid, F(v[k]), uint32_t(bits[k]), fp4 ? 8 : 16, relu);
            return want;
          });
    }
}

double scale(uint64_t code) { return code == 0xff ? NAN : std::ldexp(1.0, int(code) - 127); }
uint64_t as_bf16(double x, bool relu, bool satfinite) {
  if (x != x) return 0x7fff;
  return relu && std::signbit(x) ? 0 : nearest_code<double>(bf16_grid(), x, 'n', satfinite);
}
SIM_TEST(cvt_narrow_to_bf16) {
  for (const Narrow& f : NARROW)
    for (bool relu : {false, true})
      for (bool sat : {false, true})
        for (bool scaled : {false, true}) {
          const std::string a = f.step == 4 ? "b1" : "h1";
          const uint32_t codes = 2 * f.grid.sign();
          check_row(
              std::string("cvt.rn") + (relu ? ".relu" : "") + (sat ? ".satfinite" : "") +
                  (scaled ? ".scaled::n2::ue8m0" : "") + ".bf16x2." + f.name + "x2 %r0, %" + a +
                  (scaled ? ", %h2" : ""),
              "r0", {a.c_str(), "h2"}, 300,
              [&](unsigned s, unsigned round, unsigned l) -> uint64_t {
                const uint32_t k = round * LANES + l;
                return s ? (k * 2654435761u >> 8 & 0xffff) : (k * 7 + 3) % codes << f.step | k % codes;
              },
              [&](const uint64_t* v) {
                uint64_t want = 0;
                for (unsigned k : {1u, 0u})
                  want = want << 16 |
                         as_bf16(value_of(f.grid, uint32_t(v[0] >> f.step * k) & (codes - 1)) *
                                     (scaled ? scale(v[1] >> 8 * k & 0xff) : 1),
                                 relu, sat);
                return want;
              });
        }
}

int32_t fixed_point(double x, bool relu) {  // in units of 1/64
  if (x != x) return 127;
  const double n = std::nearbyint(x * 64);
  return int32_t(std::min(127.0, std::max(relu ? 0.0 : -128.0, n)));
}
SIM_TEST(cvt_s2f6) {
  EXPECT(fixed_point(1.0, false) == 64 && fixed_point(-2.5, false) == -128 && fixed_point(9, false) == 127);
  for (bool relu : {false, true})
    for (bool scaled : {false, true}) {
      const std::string mods = std::string(relu ? ".relu" : "") + (scaled ? ".scaled::n2::ue8m0" : "");
      auto rng = std::make_shared<std::mt19937_64>(5);
      auto number = [=]() -> uint64_t {
        const uint32_t v = hard_f32(*rng);
        return (*rng)() % 4 ? (v & 0x807fffff) | uint32_t(118 + (*rng)() % 12) << 23 : v;
      };
      auto factor = [=]() -> uint64_t {
        return (*rng)() % 8 ? (124 + (*rng)() % 7) << 8 | (124 + (*rng)() % 7) : (*rng)() & 0xffff;
      };
      auto want = [=](double high, double low, uint64_t s) {
        return uint64_t(fixed_point(high / (scaled ? scale(s >> 8) : 1), relu) & 0xff) << 8 |
               uint64_t(fixed_point(low / (scaled ? scale(s & 0xff) : 1), relu) & 0xff);
      };
      check_row("cvt.rn.satfinite" + mods + ".s2f6x2.f32 %h0, %r1, %r2" + (scaled ? ", %h3" : ""), "h0",
                {"r1", "r2", "h3"}, 200, [=](unsigned s, unsigned, unsigned) { return s == 2 ? factor() : number(); },
                [=](const uint64_t* v) { return want(F(v[0]), F(v[1]), v[2]); });
      check_row("cvt.rn.satfinite" + mods + ".s2f6x2.bf16x2 %h0, %r1" + (scaled ? ", %h2" : ""), "h0", {"r1", "h2"},
                200,
                [=](unsigned s, unsigned, unsigned) {
                  return s ? factor() : (number() & 0xffff0000) | number() >> 16;
                },
                [=](const uint64_t* v) { return want(F(v[0] & 0xffff0000), F(v[0] << 16), v[1]); });
      for (bool sat : {false, true})
        check_row(
            std::string("cvt.rn") + (sat ? ".satfinite" : "") + mods + ".bf16x2.s2f6x2 %r0, %h1" +
                (scaled ? ", %h2" : ""),
            "r0", {"h1", "h2"}, 200, random_values({16, 16}, 9), [=](const uint64_t* v) {
              auto one = [&](unsigned k) {
                return as_bf16(double(int8_t(v[0] >> 8 * k)) / 64 * (scaled ? scale(v[1] >> 8 * k & 0xff) : 1), relu,
                               sat);
              };
              return one(1) << 16 | one(0);
            });
    }
}

SIM_TEST(cvt_pack) {
  const struct {
    const char* name;
    unsigned bits;
    int64_t lo, hi;
  } types[] = {{"u16", 16, 0, 65535}, {"s16", 16, -32768, 32767}, {"u8", 8, 0, 255}, {"s8", 8, -128, 127},
               {"u4", 4, 0, 15},      {"s4", 4, -8, 7},           {"u2", 2, 0, 3},   {"s2", 2, -2, 1}};
  for (auto& t : types) {
    const bool merge = t.bits < 16;
    check_row(std::string("cvt.pack.sat.") + t.name + ".s32" + (merge ? ".b32 %r0, %r1, %r2, %r3" : " %r0, %r1, %r2"),
              "r0", {"r1", "r2", "r3"}, 100, random_values({32, 32, 32}, 3), [=](const uint64_t* v) {
                auto one = [&](uint64_t x) {
                  return uint64_t(std::clamp<int64_t>(int32_t(x), t.lo, t.hi)) & ((1ull << t.bits) - 1);
                };
                const uint64_t two = one(v[0]) << t.bits | one(v[1]);
                return (merge ? two | v[2] << 2 * t.bits : two) & 0xffffffff;
              });
  }
}

}  // namespace
}  // namespace sim::isa_test
