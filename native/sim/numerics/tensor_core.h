// How a tensor core of mma.sync and wgmma adds: the definition. mma_tile.h holds whole tiles against it.
//
// Rounding is Hopper's, found by measurement and held to it by the vectors of fixtures/hw/h200 (mma, wgmma): all products
// of the instruction's K and C are aligned to the largest exponent among them and cut to `fraction` bits behind it (toward
// zero), their sum is exact, and the result is cut to f32.
#pragma once
#include <algorithm>
#include <cmath>

#include "half.h"

namespace sim {

enum class Element : uint8_t { f16, bf16, tf32, e4m3, e5m2, e2m3, e3m2, e2m1 };
constexpr unsigned bytes_of(Element e) {
  return e == Element::tf32 ? 4 : e == Element::f16 || e == Element::bf16 ? 2 : 1;
}

// A number in each lane of a warp.
using Lanes32 = float[32];

// A term's exponent is that of its operands' formats: a subnormal has the format's least exponent, zero has none.
struct TensorCore {
  int min_a = -126, min_b = -126, min_c = -126;  // least exponents of the formats
  int fraction = 25;                             // bits kept behind the largest exponent
  uint32_t keep = 0xffffffffu;                   // bits of the f32 result
  bool halves = false;  // the first half of each register's elements, then the second; C is added last, rounded to nearest
  bool half_d = false;  // D is f16: the exact sum is rounded to it once, to nearest even (after each half)
};
// f16, bf16 and tf32 in mma.sync and wgmma.
inline int least_exponent(Element e) {
  return e == Element::f16 || e == Element::e5m2 ? -14 : e == Element::e4m3 ? -6 : -126;
}
inline TensorCore tensor_core(Element a, Element b, bool half_c, bool half_d) {
  return {least_exponent(a), least_exponent(b), half_c ? -14 : -126, 25, 0xffffffffu, false, half_d};
}
// 8-bit floats: wgmma keeps 13 bits, also of an f32 result. mma.sync widens them to f16 and multiplies twice, as sm_90's compiler does.
inline TensorCore tensor_core_wgmma8(Element a, Element b, bool half) {
  return {least_exponent(a), least_exponent(b), half ? -14 : -126, 13, half ? 0xffffffffu : ~0x3ffu, false, half};
}
inline TensorCore tensor_core_mma8(bool half) { return {-14, -14, half ? -14 : -126, 25, 0xffffffffu, true, half}; }

namespace detail {
inline int exponent_of(float v, int least) {
  constexpr int NONE = -5000;
  const uint32_t u = bits(v) & 0x7fffffff;
  return u == 0 ? NONE : std::max(int(u >> 23) - 127, least);
}
inline double power(int n) { return f64(uint64_t(n + 1023) << 52); }
// Toward zero; beyond f32: infinity. With `odd`, what was cut shows in the last bit, so that a rounding to f16 is the only one.
inline float narrow(double v, bool odd) {
  const float near = float(v);
  if (!(std::fabs(v) < 0x1p128)) return near;
  const float low = std::fabs(double(near)) > std::fabs(v) ? f32(bits(near) - 1) : near;
  return odd && double(low) != v ? f32(bits(low) | 1) : low;
}
// d = c + the sum over `count` products x y: a column of y, sixteen rows of x, in loops that become vector code as long as
// they are not unrolled first.
inline void dot(const float (*x)[16], const float* y, unsigned count, const float* c, const TensorCore& how, float* d) {
  int e[16];
  double up[16], sum[16];
#pragma GCC unroll 1
  for (unsigned m = 0; m < 16; ++m) e[m] = exponent_of(c[m], how.min_c);
  for (unsigned k = 0; k < count; ++k) {
    const int ey = exponent_of(y[k], how.min_b);
#pragma GCC unroll 1
    for (unsigned m = 0; m < 16; ++m) e[m] = std::max(e[m], exponent_of(x[k][m], how.min_a) + ey);
  }
#pragma GCC unroll 1
  for (unsigned m = 0; m < 16; ++m) {
    e[m] = std::max(e[m], -400);
    up[m] = power(how.fraction - e[m]), sum[m] = 0.0 + std::trunc(double(c[m]) * up[m]);
  }
  for (unsigned k = 0; k < count; ++k) {
    const double by = y[k];
#pragma GCC unroll 1
    for (unsigned m = 0; m < 16; ++m) sum[m] += std::trunc(double(x[k][m]) * by * up[m]);
  }
#pragma GCC unroll 1
  for (unsigned m = 0; m < 16; ++m) d[m] = f32(bits(narrow(sum[m] * power(e[m] - how.fraction), how.half_d)) & how.keep);
}
}  // namespace detail

}  // namespace sim
