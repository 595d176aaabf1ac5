// f32, f64 and f32x2 arithmetic against scalar C++ under fesetround; approximations against double within the
// ISA's bound.
#include <cfenv>
#include <cmath>

#include "isa_reference.h"
#include "isa_row.h"

namespace sim::isa_test {
namespace {

uint64_t U(float f) { return f != f ? 0x7fffffffu : __builtin_bit_cast(uint32_t, f); }
uint64_t U(double d) { return __builtin_bit_cast(uint64_t, d); }
float ftz(float f) { return std::fpclassify(f) == FP_SUBNORMAL ? std::copysign(0.f, f) : f; }
float sat(float f) { return f != f ? 0.f : f <= 0 ? 0.f : f > 1 ? 1.f : f; }

struct Mode {
  const char* name;
  int host;
};
constexpr Mode DEFAULT{"", FE_TONEAREST}, MODES[] = {
    {".rn", FE_TONEAREST}, {".rz", FE_TOWARDZERO}, {".rm", FE_DOWNWARD}, {".rp", FE_UPWARD}};
template <class X, class G>
X rounded(int host, G g) {  // volatile keeps the arithmetic between the two mode changes
  std::fesetround(host);
  volatile X r = g();
  std::fesetround(FE_TONEAREST);
  return r;
}

using Op32 = std::function<float(volatile float*)>;
void f32_op(const std::string& op, unsigned n, const Op32& f, bool with_sat = true, bool with_default = false) {
  std::vector<Mode> modes(std::begin(MODES), std::end(MODES));
  if (with_default) modes.push_back(DEFAULT);
  for (const Mode& m : modes)
    for (int z = 0; z < 2; ++z)
      for (int s = 0; s < (with_sat ? 2 : 1); ++s) {
        std::string text = op + m.name + (z ? ".ftz" : "") + (s ? ".sat" : "") + ".f32 %r0";
        std::vector<const char*> names = {"r1", "r2", "r3"};
        names.resize(n);
        for (auto* k : names) text += std::string(", %") + k;
        check_row(text, "r0", names, 150, random_f32(1), [&](const uint64_t* v) {
          volatile float a[3];
          for (unsigned k = 0; k < n; ++k) a[k] = z ? ftz(F(v[k])) : F(v[k]);
          float r = rounded<float>(m.host, [&] { return f(a); });
          if (z) r = ftz(r);
          return U(s ? sat(r) : r);
        });
      }
}
using Op64 = std::function<double(volatile double*)>;
void f64_op(const std::string& op, unsigned n, const Op64& f, bool with_default = false) {
  std::vector<Mode> modes(std::begin(MODES), std::end(MODES));
  if (with_default) modes.push_back(DEFAULT);
  for (const Mode& m : modes) {
    std::string text = op + m.name + ".f64 %q0";
    std::vector<const char*> names = {"q1", "q2", "q3"};
    names.resize(n);
    for (auto* k : names) text += std::string(", %") + k;
    auto rng = std::make_shared<std::mt19937_64>(3);
    check_row(
        text, "q0", names, 100,
        [=](unsigned, unsigned, unsigned) {
          uint64_t v;
          do v = hard_f64(*rng);
          while (D(v) != D(v));
          return v;
        },
        [&](const uint64_t* v) {
          volatile double a[3];
          for (unsigned k = 0; k < n; ++k) a[k] = D(v[k]);
          return U(rounded<double>(m.host, [&] { return f(a); }));
        });
  }
}

SIM_TEST(float_add_sub_mul) {
  f32_op("add", 2, [](volatile float* a) { return a[0] + a[1]; }, true, true);
  f32_op("sub", 2, [](volatile float* a) { return a[0] - a[1]; }, true, true);
  f32_op("mul", 2, [](volatile float* a) { return a[0] * a[1]; }, true, true);
  f64_op("add", 2, [](volatile double* a) { return a[0] + a[1]; }, true);
  f64_op("sub", 2, [](volatile double* a) { return a[0] - a[1]; }, true);
  f64_op("mul", 2, [](volatile double* a) { return a[0] * a[1]; }, true);
}
SIM_TEST(float_fma) {
  f32_op("fma", 3, [](volatile float* a) { return std::fma(float(a[0]), float(a[1]), float(a[2])); });
  f32_op("mad", 3, [](volatile float* a) { return std::fma(float(a[0]), float(a[1]), float(a[2])); });
  f64_op("fma", 3, [](volatile double* a) { return std::fma(double(a[0]), double(a[1]), double(a[2])); });
}
SIM_TEST(float_div_rcp_sqrt) {
  f32_op("div", 2, [](volatile float* a) { return a[0] / a[1]; }, false);
  f32_op("rcp", 1, [](volatile float* a) { return 1.0f / a[0]; }, false);
  f32_op("sqrt", 1, [](volatile float* a) { return std::sqrt(float(a[0])); }, false);
  f64_op("div", 2, [](volatile double* a) { return a[0] / a[1]; });
  f64_op("rcp", 1, [](volatile double* a) { return 1.0 / a[0]; });
  f64_op("sqrt", 1, [](volatile double* a) {
    return std::sqrt(std::fabs(double(a[0]))) == 0 ? std::sqrt(double(a[0])) : std::sqrt(double(a[0]));
  });
}
// A product and sum that differ between one and two roundings: shows that no compiler contracted mul + add,
// and that fma is fused.
SIM_TEST(float_no_contraction) {
  Registers r;
  for (unsigned l = 0; l < LANES; ++l)
    r.f(1)[l] = 1.0f + 0x1p-12f, r.f(2)[l] = 1.0f + 0x1p-12f, r.f(3)[l] = -(1.0f + 0x1p-11f);
  Prepared("fma.rn.f32 %r0, %r1, %r2, %r3").run(r);
  EXPECT(r.f(0)[5] == 0x1p-24f);
  Prepared("mul.rn.f32 %r4, %r1, %r2").run(r), Prepared("add.rn.f32 %r0, %r4, %r3").run(r);
  EXPECT(r.f(0)[5] == 0.0f);
}
SIM_TEST(float_x2) {
  struct {
    const char* op;
    unsigned n;
    float (*f)(float, float, float);
  } ops[] = {{"add", 2, [](float a, float b, float) { return a + b; }},
             {"sub", 2, [](float a, float b, float) { return a - b; }},
             {"mul", 2, [](float a, float b, float) { return a * b; }},
             {"fma", 3, [](float a, float b, float c) { return std::fma(a, b, c); }}};
  for (auto& o : ops)
    for (const Mode& m : {MODES[0], MODES[1], MODES[2], MODES[3], DEFAULT})
      for (const char* flush : {"", ".ftz"}) {
        if (o.n == 3 && !*m.name) continue;  // fma names its rounding
        const std::string mod = std::string(m.name) + flush;
        std::string text = std::string(o.op) + mod + ".f32x2 %q0, %q1, %q2" + (o.n == 3 ? ", %q3" : "");
        std::vector<const char*> names = {"q1", "q2", "q3"};
        names.resize(o.n);
        auto rng = std::make_shared<std::mt19937_64>(5);
        const bool z = *flush;
        check_row(
            text, "q0", names, 60,
            [=](unsigned, unsigned, unsigned) { return uint64_t(hard_f32(*rng)) << 32 | hard_f32(*rng); },
            [&](const uint64_t* v) {
              uint64_t r = 0;
              for (int k = 0; k < 64; k += 32) {
                volatile float a[3] = {};
                for (unsigned s = 0; s < o.n; ++s) a[s] = z ? ftz(F(v[s] >> k)) : F(v[s] >> k);
                const float x = rounded<float>(m.host, [&] { return o.f(a[0], a[1], a[2]); });
                r |= U(z ? ftz(x) : x) << k;
              }
              return r;
            });
      }
  Registers r;
  for (unsigned l = 0; l < LANES; ++l) r.q(1)[l] = 0x3f800000'bf800000ull, r.q(2)[l] = 0x33000000'33000000ull;
  Prepared("add.rp.f32x2 %q0, %q1, %q2").run(r);
  EXPECT(r.q(0)[3] == 0x3f800001'bf7fffffull);
}

// min and max from the text of the ISA: NaN loses (or wins), -0 < +0, .xorsign.abs multiplies the signs
uint64_t extreme_want(bool max, bool nan_wins, bool z, bool xs, uint64_t x, uint64_t y) {
  float a = F(x), b = F(y);
  if (z) a = ftz(a), b = ftz(b);
  const bool sign = std::signbit(a) != std::signbit(b);
  if (xs) a = std::fabs(a), b = std::fabs(b);
  float r;
  const bool an = a != a, bn = b != b;
  if ((an && bn) || (nan_wins && (an || bn))) return 0x7fffffff;
  if (an)
    r = b;
  else if (bn)
    r = a;
  else if (a == b)
    r = (std::signbit(a) != max) ? a : b;
  else
    r = (a < b) != max ? a : b;
  if (xs) r = sign ? -std::fabs(r) : std::fabs(r);
  return U(r);
}
SIM_TEST(float_min_max) {
  for (bool max : {false, true})
    for (bool nan : {false, true})
      for (bool z : {false, true}) {
        const std::string base = std::string(max ? "max" : "min") + (z ? ".ftz" : "") + (nan ? ".NaN" : "");
        for (bool xs : {false, true})
          check_row(base + (xs ? ".xorsign.abs" : "") + ".f32 %r0, %r1, %r2", "r0", {"r1", "r2"}, 150,
                    random_f32(2),
                    [=](const uint64_t* v) { return extreme_want(max, nan, z, xs, v[0], v[1]); });
        for (bool abs : {false, true})
          check_row(base + (abs ? ".abs" : "") + ".f32 %r0, %r1, %r2, %r3", "r0", {"r1", "r2", "r3"}, 100,
                    random_f32(2), [=](const uint64_t* v) {
                      const uint64_t m = abs ? 0x7fffffff : 0xffffffff;
                      return extreme_want(max, nan, z, false,
                                          extreme_want(max, nan, z, false, v[0] & m, v[1] & m), v[2] & m);
                    });
      }
  for (bool max : {false, true}) {
    auto rng = std::make_shared<std::mt19937_64>(3);
    check_row(
        max ? "max.f64 %q0, %q1, %q2" : "min.f64 %q0, %q1, %q2", "q0", {"q1", "q2"}, 100,
        [=](unsigned, unsigned, unsigned) { return hard_f64(*rng); },
        [=](const uint64_t* v) {
          const double a = D(v[0]), b = D(v[1]);
          if (a != a) return v[1];
          if (b != b) return v[0];
          if (a == b) return std::signbit(a) != max ? v[0] : v[1];
          return (a < b) != max ? v[0] : v[1];
        });
  }
}
SIM_TEST(float_signs) {  // PTX leaves the NaN of abs and neg open; these are an H200's (fixtures/hw/h200)
  auto number = [](uint64_t u, uint64_t r) { return F(u) != F(u) ? uint64_t(0x7fffffff) : r; };
  auto number64 = [](uint64_t u, uint64_t r) { return D(u) != D(u) ? u | uint64_t(1) << 51 : r; };
  check_row("abs.f32 %r0, %r1", "r0", {"r1"}, 40, random_f32(2),
            [=](const uint64_t* v) { return number(v[0], v[0] & 0x7fffffff); });
  check_row("neg.f32 %r0, %r1", "r0", {"r1"}, 40, random_f32(2),
            [=](const uint64_t* v) { return number(v[0], v[0] ^ 0x80000000); });
  auto z = [](uint64_t u) { return uint64_t(std::fpclassify(F(u)) == FP_SUBNORMAL ? u & 0x80000000 : u); };
  check_row("abs.ftz.f32 %r0, %r1", "r0", {"r1"}, 40, random_f32(2),
            [=](const uint64_t* v) { return number(v[0], z(v[0]) & 0x7fffffff); });
  check_row("neg.ftz.f32 %r0, %r1", "r0", {"r1"}, 40, random_f32(2),
            [=](const uint64_t* v) { return number(v[0], z(v[0]) ^ 0x80000000); });
  check_row("copysign.f32 %r0, %r1, %r2", "r0", {"r1", "r2"}, 40, random_f32(2),
            [](const uint64_t* v) { return (v[0] & 0x80000000) | (v[1] & 0x7fffffff); });
  const uint64_t top = uint64_t(1) << 63;
  check_row("abs.f64 %q0, %q1", "q0", {"q1"}, 20, random_values({64}, 2),
            [=](const uint64_t* v) { return number64(v[0], v[0] & ~top); });
  check_row("neg.f64 %q0, %q1", "q0", {"q1"}, 20, random_values({64}, 2),
            [=](const uint64_t* v) { return number64(v[0], v[0] ^ top); });
  check_row("copysign.f64 %q0, %q1, %q2", "q0", {"q1", "q2"}, 20, random_values({64, 64}, 2),
            [=](const uint64_t* v) { return (v[0] & top) | (v[1] & ~top); });
}
SIM_TEST(float_testp) {
  struct {
    const char* name;
    bool (*f)(int);
  } props[] = {{"finite", [](int c) { return c != FP_NAN && c != FP_INFINITE; }},
               {"infinite", [](int c) { return c == FP_INFINITE; }},
               {"number", [](int c) { return c != FP_NAN; }},
               {"notanumber", [](int c) { return c == FP_NAN; }},
               {"normal", [](int c) { return c == FP_NORMAL || c == FP_ZERO; }},
               {"subnormal", [](int c) { return c == FP_SUBNORMAL; }}};
  for (auto& p : props) {
    check_row(std::string("testp.") + p.name + ".f32 %p0, %r1", "p0", {"r1"}, 60, random_f32(4),
              [&](const uint64_t* v) { return uint64_t(p.f(std::fpclassify(F(v[0])))); });
    auto rng = std::make_shared<std::mt19937_64>(3);
    check_row(
        std::string("testp.") + p.name + ".f64 %p0, %q1", "p0", {"q1"}, 60,
        [=](unsigned, unsigned, unsigned) { return hard_f64(*rng); },
        [&](const uint64_t* v) { return uint64_t(p.f(std::fpclassify(D(v[0])))); });
  }
}

// Approximations: the relative (or absolute) error that PTX allows, against double; exact special values
// apart.
void approx(const std::string& op, double relative, double absolute, double (*truth)(double),
            std::function<bool(double)> domain) {
  Prepared row(op + ".f32 %r0, %r1");
  if (!row.found()) fail("expected a row for " + op);
  const bool z = op.find("ftz") != std::string::npos;
  std::mt19937_64 rng(6);
  Registers regs;
  for (int round = 0; round < 300; ++round) {
    for (unsigned l = 0; l < LANES; ++l) regs.r(1)[l] = hard_f32(rng);
    row.run(regs);
    for (unsigned l = 0; l < LANES; ++l) {
      const float a = z ? ftz(F(regs.r(1)[l])) : F(regs.r(1)[l]);
      const uint32_t got = regs.r(0)[l];
      double want = truth(double(a));
      if (a != a || want != want) {
        if (got != 0x7fffffff)
          fail(op + "(" + hex(regs.r(1)[l]) + "): expected the canonical NaN, got " + hex(got));
        continue;
      }
      if (!domain(a)) continue;
      const float exact = float(want), g = F(got);
      if (z && std::fabs(want) < 0x1p-126) {
        if (g != 0) fail(op + ": expected a flushed zero, got " + hex(got));
        continue;
      }
      const double error = std::fabs(double(g) - want);
      const double bound = std::max(std::max(std::fabs(want) * relative, absolute), 0x1p-149);
      const bool ok = exact == g || (std::isfinite(g) && error <= bound);
      if (!ok)
        fail(op + "(" + hex(regs.r(1)[l]) + "): expected within " + std::to_string(bound) + " of " +
             hex(U(exact)) + ", got " + hex(got));
    }
  }
}
SIM_TEST(float_approx) {
  auto all = [](double) { return true; };
  for (const char* z : {"", ".ftz"}) {
    const std::string s = z;
    approx("ex2.approx" + s, 0x1p-22, 0, [](double a) { return std::exp2(a); }, all);
    approx("lg2.approx" + s, 0x1p-22, 0x1p-22, [](double a) { return std::log2(a); }, all);
    approx("rcp.approx" + s, 0x1p-23, 0, [](double a) { return 1 / a; }, all);
    approx("rsqrt.approx" + s, 0x1.2p-23, 0, [](double a) { return 1 / std::sqrt(a); }, all);
    approx("sqrt.approx" + s, 0x1p-23, 0, [](double a) { return std::sqrt(a); }, all);
    approx(
        "sin.approx" + s, 0, 0x1p-20, [](double a) { return std::sin(a); },
        [](double a) { return std::fabs(a) < 6.28; });
    approx(
        "cos.approx" + s, 0, 0x1p-20, [](double a) { return std::cos(a); },
        [](double a) { return std::fabs(a) < 6.28; });
  }
  approx("tanh.approx", 0x1p-11, 0, [](double a) { return std::tanh(a); }, all);
}
SIM_TEST(float_div_approx) {
  for (const char* op : {"div.approx.f32", "div.full.f32", "div.approx.ftz.f32", "div.full.ftz.f32"}) {
    Prepared row(std::string(op) + " %r0, %r1, %r2");
    EXPECT(row.found());
    Registers regs;
    std::mt19937_64 rng(6);
    for (int round = 0; round < 200; ++round) {
      for (unsigned l = 0; l < LANES; ++l)
        regs.f(1)[l] = std::ldexp(float(int64_t(rng() % 2000001) - 1000000), -10),
        regs.f(2)[l] = std::ldexp(float(1 + rng() % 100000), -5);
      row.run(regs);
      for (unsigned l = 0; l < LANES; ++l) {
        const double want = double(regs.f(1)[l]) / regs.f(2)[l];
        EXPECT(std::fabs(regs.f(0)[l] - want) <= std::fabs(want) * 0x1p-22);
      }
    }
  }
  // PTX: div.approx gives 0 for 2^126 < |b| < 2^128, NaN when a is infinite then
  Registers regs;
  for (unsigned l = 0; l < LANES; ++l) regs.f(1)[l] = l ? 0x1p100f : INFINITY, regs.f(2)[l] = 0x1.8p126f;
  Prepared("div.approx.f32 %r0, %r1, %r2").run(regs);
  EXPECT(regs.f(0)[1] == 0 && regs.r(0)[0] == 0x7fffffff);
  Prepared("div.full.f32 %r0, %r1, %r2").run(regs);
  EXPECT(regs.f(0)[1] > 0);
}
SIM_TEST(float_coarse_f64) {
  check_row(
      "rcp.approx.ftz.f64 %q0, %q1", "q0", {"q1"}, 20,
      [rng = std::make_shared<std::mt19937_64>(1)](unsigned, unsigned, unsigned) {
        return U(1.0 + double((*rng)() % 100000));
      },
      [](const uint64_t* v) { return U(1.0 / D(v[0])) & 0xffffffff00000000ull; });
  check_row(
      "rsqrt.approx.f64 %q0, %q1", "q0", {"q1"}, 20,
      [rng = std::make_shared<std::mt19937_64>(1)](unsigned, unsigned, unsigned) {
        return U(1.0 + double((*rng)() % 100000));
      },
      [](const uint64_t* v) { return U(1.0 / std::sqrt(D(v[0]))) & 0xffffffff00000000ull; });
}

}  // namespace
}  // namespace sim::isa_test
