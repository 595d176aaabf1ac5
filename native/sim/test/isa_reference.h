// The test's own rounding: the values of a narrow format listed from its definition, and a search among them.
// Slow and plain on purpose.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace sim::isa_test {

// A register's bits as the number that they are.
inline float F(uint64_t u) { return __builtin_bit_cast(float, uint32_t(u)); }
inline double D(uint64_t u) { return __builtin_bit_cast(double, u); }

// Magnitudes of all finite codes 0, 1, 2, ... in ascending order, exact in double.
struct Grid {
  unsigned mantissa, exponent, bias;
  uint32_t codes;    // finite codes
  uint32_t inf = 0;  // 0: none
  uint32_t nan = 0;  // the code a NaN converts to
  std::vector<double> values;
  Grid(unsigned m, unsigned e, unsigned b, uint32_t n, uint32_t i, uint32_t q)
      : mantissa(m), exponent(e), bias(b), codes(n), inf(i), nan(q) {
    for (uint32_t c = 0; c < n + 1; ++c) {  // one beyond: where rounding to nearest starts to overflow
      const uint32_t field = c >> m, frac = c & ((1u << m) - 1);
      values.push_back(field ? std::ldexp(double((1u << m) + frac), int(field) - int(b) - int(m))
                             : std::ldexp(double(frac), 1 - int(b) - int(m)));
    }
  }
  uint32_t sign() const { return 1u << (mantissa + exponent); }
};
inline const Grid& f16_grid() {
  static const Grid g(10, 5, 15, 0x7c00, 0x7c00, 0x7fff);
  return g;
}
inline const Grid& bf16_grid() {
  static const Grid g(7, 8, 127, 0x7f80, 0x7f80, 0x7fff);
  return g;
}
inline const Grid& e4m3_grid() {
  static const Grid g(3, 4, 7, 0x7f, 0, 0x7f);
  return g;
}
inline const Grid& e5m2_grid() {
  static const Grid g(2, 5, 15, 0x7c, 0x7c, 0x7f);
  return g;
}
inline const Grid& e2m3_grid() {
  static const Grid g(3, 2, 1, 0x20, 0, 0x1f);
  return g;
}
inline const Grid& e3m2_grid() {
  static const Grid g(2, 3, 3, 0x20, 0, 0x1f);
  return g;
}
inline const Grid& e2m1_grid() {
  static const Grid g(1, 2, 1, 8, 0, 7);
  return g;
}

// mode: 'n' nearest even, 'a' nearest away, 'z' zero, 'm' down, 'p' up. X: a type that holds the value
// exactly.
template <class X>
uint32_t nearest_code(const Grid& g, X x, char mode, bool satfinite) {
  if (x != x) return g.nan;
  const bool negative = std::signbit(double(x));
  const X a = negative ? -x : x;
  const uint32_t sign = negative ? g.sign() : 0, top = g.codes - 1;
  const double beyond = g.values[g.codes];
  if (mode == 'm') mode = negative ? 'u' : 'z';
  if (mode == 'p') mode = negative ? 'z' : 'u';
  uint32_t code;
  if (a >= X(beyond)) {
    code = g.codes;
  } else {
    const uint32_t low = uint32_t(std::upper_bound(g.values.begin(), g.values.end(), a,
                                                   [](X v, double w) { return v < X(w); }) -
                                  g.values.begin()) -
                         1;
    const X down = a - X(g.values[low]), up = X(g.values[low + 1]) - a;
    code = low;
    if (mode == 'u') code += down > 0;
    if (mode == 'n') code += down > up || (down == up && (low & 1));
    if (mode == 'a') code += down >= up;
  }
  if (code > top) {
    const bool infinite_input = std::isinf(double(x));
    const bool stays = satfinite || g.inf == 0 || (mode == 'z' && !infinite_input);
    code = stays ? top : g.inf;
  }
  return code | sign;
}
inline double value_of(const Grid& g, uint32_t code) {
  const uint32_t a = code & (g.sign() - 1);
  const double v = a < g.codes ? g.values[a] : a == g.inf && g.inf ? INFINITY : NAN;
  return code & g.sign() ? -v : v;
}

}  // namespace sim::isa_test
