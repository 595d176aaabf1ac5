// The functions whose hardware result PTX bounds but does not fix. One function each, so that a table
// measured on hardware can take its place. Where no table is known the correctly rounded value is used
// (computed in double), which lies inside every bound below.
#pragma once
#include <cmath>

#include "bits.h"

namespace sim::approx {

// PTX #floating-point-instructions-ex2: ex2.approx.f32 max relative error 2^-22.5 .. 2^-22 over the range;
// subnormal inputs and results are supported without .ftz. Computed to about 2^-50 in double: 2^a = 2^n *
// 2^f, |f| <= 1/2, by the Taylor series of exp(f ln 2), which the compiler vectorises.
inline float ex2(float a) {
  const double x = a < -160 ? -160.0 : a > 160 ? 160.0 : double(a);  // NaN falls through
  const double shifted = x + 0x1.8p52, n = shifted - 0x1.8p52;
  const double t = (x - n) * 0x1.62e42fefa39efp-1;
  double p = 1.0 / 6227020800;
  p = p * t + 1.0 / 479001600, p = p * t + 1.0 / 39916800, p = p * t + 1.0 / 3628800,
  p = p * t + 1.0 / 362880, p = p * t + 1.0 / 40320;
  p = p * t + 1.0 / 5040, p = p * t + 1.0 / 720, p = p * t + 1.0 / 120, p = p * t + 1.0 / 24,
  p = p * t + 1.0 / 6, p = p * t + 0.5;
  p = p * t + 1.0, p = p * t + 1.0;
  const double scale = f64((bits(shifted) + 1023) << 52);
  const double r = p * scale;
  return a != a ? a : a > 160 ? INFINITY : a < -160 ? 0.0f : float(r);
}
// #floating-point-instructions-lg2: absolute error 2^-22 on (0.5, 2), relative 2^-22 elsewhere; lg2(negative)
// = NaN, lg2(+-0) = -inf. log2(a) = e + 2 atanh((m-1)/(m+1)) / ln 2 with m in [sqrt(1/2), sqrt(2)), in double
// to about 2^-50.
inline float lg2(float a) {
  const uint64_t u = bits(double(a));  // subnormal floats are normal doubles
  const uint64_t off = u - 0x3fe6a09e667f3bcdull;
  const int64_t e = int64_t(off) >> 52;
  const double m = f64(u - (uint64_t(e) << 52));
  const double s = (m - 1) / (m + 1), z = s * s;
  double p = 1.0 / 21;
  p = p * z + 1.0 / 19, p = p * z + 1.0 / 17, p = p * z + 1.0 / 15, p = p * z + 1.0 / 13,
  p = p * z + 1.0 / 11, p = p * z + 1.0 / 9;
  p = p * z + 1.0 / 7, p = p * z + 1.0 / 5, p = p * z + 1.0 / 3, p = p * z + 1.0;
  const float r = float(double(e) + p * s * (2 * 0x1.71547652b82fep0));
  return a > 0 ? (a < INFINITY ? r : a) : a == 0 ? -INFINITY : f32(F32_NAN);
}
// #floating-point-instructions-rcp: 1 ulp.
inline float rcp(float a) { return float(1.0 / double(a)); }
// #floating-point-instructions-rsqrt: max relative error 2^-22.9.
inline float rsqrt(float a) { return float(1.0 / std::sqrt(double(a))); }
// #floating-point-instructions-sqrt: max relative error 2^-23.
inline float sqrt(float a) { return std::sqrt(a); }
// #floating-point-instructions-sin, -cos: max absolute error 2^-20.5 on [-2pi, 2pi], 2^-14.7 on [-100pi,
// 100pi].
inline float sin(float a) { return float(std::sin(double(a))); }
inline float cos(float a) { return float(std::cos(double(a))); }
// #floating-point-instructions-tanh: max relative error 2^-11 (subnormal inputs preserved).
inline float tanh(float a) { return float(std::tanh(double(a))); }
// #floating-point-instructions-div: div.full.f32 2 ulp over the full range of a and b.
inline float div_full(float a, float b) { return float(double(a) / double(b)); }
// div.approx.f32 is a * rcp(b) and documented so: for 2^126 < |b| < 2^128 the result is 0, and NaN when a is
// infinite (0 * inf).
inline float div(float a, float b) {
  const uint32_t mb = bits(b) & 0x7fffffff;
  const bool big = mb > 0x7e800000u && mb < F32_INF;
  const float zero = f32((bits(a) ^ bits(b)) & 0x80000000);
  const float far = std::fabs(a) == INFINITY || a != a ? f32(F32_NAN) : zero;
  const float near = float(double(a) / double(b));
  return big ? far : near;
}

}  // namespace sim::approx
