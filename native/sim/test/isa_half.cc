// f16 and bf16 arithmetic against 113-bit arithmetic rounded once by search, and mixed precision against f32.
#include <cfenv>
#include <cmath>

#include "isa_reference.h"
#include "isa_row.h"

namespace sim::isa_test::isa_half {
namespace {

using Exact = __float128;
struct Kind {
  const char* name;
  const Grid& grid;
};
const Kind KINDS[] = {{"f16", f16_grid()}, {"bf16", bf16_grid()}};

uint64_t hard_half(const Grid& g, std::mt19937_64& rng) {
  const uint64_t r = rng();
  static constexpr uint32_t offsets[] = {0, 1, 2};
  switch (r % 6) {
    case 0:
      return (r >> 8 & 0x8000) | offsets[(r >> 30) % 3];
    case 1:
      return (r >> 8 & 0x8000) | (g.inf - 1 + (r >> 30) % 3);
    case 2:
      return r >> 8 & 0xffff;
    default:
      return (r >> 8 & 0x8000) |
             (((g.bias - 6 + (r >> 30) % 12) << g.mantissa) + (r >> 40 & ((1u << g.mantissa) - 1)));
  }
}
Values halves(const Grid& g, unsigned pairs) {
  auto rng = std::make_shared<std::mt19937_64>(17);
  return [&g, rng, pairs](unsigned, unsigned, unsigned) {
    return pairs == 2 ? hard_half(g, *rng) << 16 | hard_half(g, *rng) : hard_half(g, *rng);
  };
}
uint64_t flushed(const Grid& g, uint64_t h) { return (h & 0x7fff) < (1u << g.mantissa) ? h & 0x8000 : h; }

using Scalar = std::function<uint64_t(const Grid&, const uint64_t*)>;
// op{mods}.f16, .bf16, .f16x2, .bf16x2
void all_halves(const std::string& op, unsigned n, const Scalar& f, bool bf16 = true) {
  for (const Kind& k : KINDS) {
    if (&k.grid == &bf16_grid() && !bf16) continue;
    for (unsigned pairs = 1; pairs <= 2; ++pairs) {
      const std::string c = pairs == 2 ? "r" : "h";
      std::string text = op + "." + k.name + (pairs == 2 ? "x2 %" : " %") + c + "0";
      std::vector<std::string> names;
      for (unsigned s = 1; s <= n; ++s) names.push_back(c + std::to_string(s)), text += ", %" + names.back();
      std::vector<const char*> src;
      for (auto& s : names) src.push_back(s.c_str());
      check_row(text, (c + "0").c_str(), src, 120, halves(k.grid, pairs), [&](const uint64_t* v) {
        uint64_t r = 0;
        for (unsigned p = 0; p < pairs; ++p) {
          uint64_t a[3];
          for (unsigned s = 0; s < n; ++s) a[s] = v[s] >> 16 * p & 0xffff;
          r |= f(k.grid, a) << 16 * p;
        }
        return r;
      });
    }
  }
}
bool nan_code(const Grid& g, uint64_t h) { return (h & 0x7fff) > g.inf; }
// sign of an exact zero and infinities follow double arithmetic, whose rules are the same; everything else is
// searched
uint64_t round_once(const Grid& g, Exact exact, double in_double) {
  if (in_double != in_double) return g.nan;
  if (in_double == 0 && exact == 0) return std::signbit(in_double) ? 0x8000 : 0;
  if (std::isinf(in_double)) return (std::signbit(in_double) ? 0x8000 : 0) | g.inf;
  uint32_t code = nearest_code<Exact>(g, exact < 0 ? -exact : exact, 'n', false);
  return code | (exact < 0 ? 0x8000 : 0);
}

struct Op {
  const char* name;
  unsigned n;
  Exact (*exact)(Exact, Exact, Exact);
  double (*plain)(double, double, double);
};
// Even 113 bits can lose c against a product on a tie: what was lost then moves the sum a little, off the
// tie.
Exact fused(Exact a, Exact b, Exact c) {
  const Exact p = a * b, s = p + c, t = s - p, lost = (p - (s - t)) + (c - t);
  const Exact little = (s < 0 ? -s : s) * 0x1p-100;
  return lost > 0 ? s + little : lost < 0 ? s - little : s;
}
const Op OPS[] = {{"add", 2, [](Exact a, Exact b, Exact) { return a + b; },
                   [](double a, double b, double) { return a + b; }},
                  {"sub", 2, [](Exact a, Exact b, Exact) { return a - b; },
                   [](double a, double b, double) { return a - b; }},
                  {"mul", 2, [](Exact a, Exact b, Exact) { return a * b; },
                   [](double a, double b, double) { return a * b; }},
                  {"fma", 3, fused, [](double a, double b, double c) { return std::fma(a, b, c); }}};
uint64_t apply(const Op& o, const Grid& g, const uint64_t* v, bool ftz) {
  double d[3] = {};
  for (unsigned s = 0; s < o.n; ++s) d[s] = value_of(g, uint32_t(ftz ? flushed(g, v[s]) : v[s]));
  const uint64_t r = round_once(g, o.exact(d[0], d[1], d[2]), o.plain(d[0], d[1], d[2]));
  return ftz ? flushed(g, r) : r;
}

SIM_TEST(half_arithmetic) {
  for (const Op& o : OPS) {
    all_halves(std::string(o.name) + (o.n == 3 ? ".rn" : ""), o.n,
               [&](const Grid& g, const uint64_t* v) { return apply(o, g, v, false); });
    const std::string rn = std::string(o.name) + ".rn";
    all_halves(
        rn + ".ftz", o.n, [&](const Grid& g, const uint64_t* v) { return apply(o, g, v, true); }, false);
    all_halves(
        rn + ".sat", o.n,
        [&](const Grid& g, const uint64_t* v) {
          const uint64_t r = apply(o, g, v, false);
          const uint64_t one = uint64_t(g.bias) << g.mantissa;
          return nan_code(g, r) || (r & 0x8000) ? 0 : std::min(r, one);
        },
        false);
  }
  all_halves("fma.rn.relu", 3, [&](const Grid& g, const uint64_t* v) {
    const uint64_t r = apply(OPS[3], g, v, false);
    return nan_code(g, r) ? 0x7fff : r & 0x8000 ? 0 : r;
  });
}
SIM_TEST(half_min_max) {
  for (bool max : {false, true})
    for (bool nan : {false, true})
      for (bool xs : {false, true})
        all_halves(std::string(max ? "max" : "min") + (nan ? ".NaN" : "") + (xs ? ".xorsign.abs" : ""), 2,
                   [=](const Grid& g, const uint64_t* v) {
                     uint64_t a = v[0], b = v[1];
                     const uint64_t sign = (a ^ b) & 0x8000;
                     if (xs) a &= 0x7fff, b &= 0x7fff;
                     const bool an = nan_code(g, a), bn = nan_code(g, b);
                     if ((an && bn) || (nan && (an || bn))) return uint64_t(0x7fff);
                     // order of codes as sign and magnitude, -0 below +0
                     auto key = [](uint64_t h) {
                       return h & 0x8000 ? -int(h & 0x7fff) - 1 : int(h & 0x7fff);
                     };
                     uint64_t r = an ? b : bn ? a : ((key(a) < key(b)) != max ? a : b);
                     return xs ? (r & 0x7fff) | sign : r;
                   });
}
SIM_TEST(half_signs) {  // PTX leaves the NaN open; the canonical one is an H200's answer (fixtures/hw/h200)
  auto number = [](const Grid& g, uint64_t h, uint64_t r) { return nan_code(g, h) ? 0x7fff : r; };
  all_halves("abs", 1, [=](const Grid& g, const uint64_t* v) { return number(g, v[0], v[0] & 0x7fff); });
  all_halves("neg", 1, [=](const Grid& g, const uint64_t* v) { return number(g, v[0], v[0] ^ 0x8000); });
  all_halves(
      "abs.ftz", 1,
      [=](const Grid& g, const uint64_t* v) { return number(g, v[0], flushed(g, v[0]) & 0x7fff); }, false);
  all_halves(
      "neg.ftz", 1,
      [=](const Grid& g, const uint64_t* v) { return number(g, v[0], flushed(g, v[0]) ^ 0x8000); }, false);
}
SIM_TEST(half_approx) {  // every one of the 65536 values: the f32 function rounded once, within an ulp
  struct {
    const char* op;
    double (*f)(double);
  } ops[] = {{"ex2.approx", [](double a) { return std::exp2(a); }},
             {"tanh.approx", [](double a) { return std::tanh(a); }}};
  for (const Kind& k : KINDS)
    for (auto& o : ops) {
      const bool bf16 = &k.grid == &bf16_grid();
      const std::string name = std::string(o.op) + (bf16 && *o.op == 'e' ? ".ftz." : ".") + k.name;
      Prepared row(name + " %h0, %h1"), pair(name + "x2 %r0, %r1");
      EXPECT(row.found() && pair.found());
      Registers regs;
      for (uint32_t base = 0; base < 65536; base += LANES) {
        for (unsigned l = 0; l < LANES; ++l)
          regs.h(1)[l] = base + l, regs.r(1)[l] = (base + l) << 16 | (base + l);
        row.run(regs), pair.run(regs);
        for (unsigned l = 0; l < LANES; ++l) {
          const double a = value_of(k.grid, base + l), want = o.f(a);
          const uint32_t got = regs.h(0)[l];
          if (regs.r(0)[l] != (got << 16 | got))
            fail(name + "x2 differs from " + name + " at " + hex(base + l));
          if (want != want) {
            if (got != 0x7fff) fail(name + "(" + hex(base + l) + "): expected NaN, got " + hex(got));
            continue;
          }
          int exact = int(nearest_code<double>(k.grid, want, 'n', false));
          if (bf16 && *o.op == 'e' && exact < 0x80) exact = 0;  // .ftz
          if (std::abs(int(got) - exact) > 1)
            fail(name + "(" + hex(base + l) + "): expected " + hex(uint64_t(exact)) + ", got " + hex(got));
        }
      }
    }
}
SIM_TEST(mixed_precision) {
  struct {
    const char* name;
    int host;
  } modes[] = {{"", FE_TONEAREST}, {".rn", FE_TONEAREST}, {".rz", FE_TOWARDZERO}, {".rm", FE_DOWNWARD}, {".rp", FE_UPWARD}};
  auto bits_of = [](float f) -> uint64_t { return f != f ? 0x7fffffff : __builtin_bit_cast(uint32_t, f); };
  for (const Kind& k : KINDS)
    for (auto& m : modes)
      for (bool sat : {false, true}) {
        const std::string t = std::string(m.name) + (sat ? ".sat" : "") + ".f32." + k.name;
        auto rng = std::make_shared<std::mt19937_64>(3);
        auto two = [&, rng](unsigned s, unsigned, unsigned) -> uint64_t {
          return s == 0 ? hard_half(k.grid, *rng) : hard_f32(*rng);
        };
        auto three = [&, rng](unsigned s, unsigned, unsigned) -> uint64_t {
          return s < 2 ? hard_half(k.grid, *rng) : hard_f32(*rng);
        };
        auto f = [](uint64_t u) { return __builtin_bit_cast(float, uint32_t(u)); };
        auto in_mode = [&](auto g) {
          std::fesetround(m.host);
          const volatile float rounded = g();
          std::fesetround(FE_TONEAREST);
          const float r = rounded;
          return bits_of(!sat ? r : r > 0 ? std::min(r, 1.0f) : 0.0f);
        };
        check_row("add" + t + " %r0, %h1, %r2", "r0", {"h1", "r2"}, 100, two, [&](const uint64_t* v) {
          volatile float a = float(value_of(k.grid, uint32_t(v[0]))), c = f(v[1]);
          return in_mode([&] { return a + c; });
        });
        check_row("sub" + t + " %r0, %h1, %r2", "r0", {"h1", "r2"}, 100, two, [&](const uint64_t* v) {
          volatile float a = float(value_of(k.grid, uint32_t(v[0]))), c = f(v[1]);
          return in_mode([&] { return a - c; });
        });
        if (*m.name)
          check_row("fma" + t + " %r0, %h1, %h2, %r3", "r0", {"h1", "h2", "r3"}, 100,
                  three, [&](const uint64_t* v) {
                    volatile float a = float(value_of(k.grid, uint32_t(v[0]))),
                                   b = float(value_of(k.grid, uint32_t(v[1]))), c = f(v[2]);
                    return in_mode([&] { return std::fma(float(a), float(b), float(c)); });
                  });
      }
}

}  // namespace
}  // namespace sim::isa_test::isa_half
