// The functions whose hardware result PTX bounds but does not fix. One function each, so that a table measured on hardware can take its place.
// Where no table is known the correctly rounded value is used (computed in double), which lies inside every bound below.
#pragma once
#include <cmath>

#include "bits.h"

namespace sim::approx {

// PTX #floating-point-instructions-ex2: ex2.approx.f32 max relative error 2^-22.5 .. 2^-22 over the range; subnormal inputs and results
// are supported without .ftz.
inline float ex2(float a) { return float(std::exp2(double(a))); }
// #floating-point-instructions-lg2: absolute error 2^-22 on (0.5, 2), relative 2^-22 elsewhere; lg2(negative) = NaN, lg2(+-0) = -inf.
inline float lg2(float a) { return float(std::log2(double(a))); }
// #floating-point-instructions-rcp: 1 ulp.
inline float rcp(float a) { return float(1.0 / double(a)); }
// #floating-point-instructions-rsqrt: max relative error 2^-22.9.
inline float rsqrt(float a) { return float(1.0 / std::sqrt(double(a))); }
// #floating-point-instructions-sqrt: max relative error 2^-23.
inline float sqrt(float a) { return std::sqrt(a); }
// #floating-point-instructions-sin, -cos: max absolute error 2^-20.5 on [-2pi, 2pi], 2^-14.7 on [-100pi, 100pi].
inline float sin(float a) { return float(std::sin(double(a))); }
inline float cos(float a) { return float(std::cos(double(a))); }
// #floating-point-instructions-tanh: max relative error 2^-11 (subnormal inputs preserved).
inline float tanh(float a) { return float(std::tanh(double(a))); }
// #floating-point-instructions-div: div.full.f32 2 ulp over the full range of a and b.
inline float div_full(float a, float b) { return float(double(a) / double(b)); }
// div.approx.f32 is a * rcp(b) and documented so: for 2^126 < |b| < 2^128 the result is 0, and NaN when a is infinite (0 * inf).
inline float div(float a, float b) {
  const uint32_t mb = bits(b) & 0x7fffffff;
  const bool big = mb > 0x7e800000u && mb < F32_INF;
  const float zero = f32((bits(a) ^ bits(b)) & 0x80000000);
  const float far = std::fabs(a) == INFINITY || a != a ? f32(F32_NAN) : zero;
  const float near = float(double(a) / double(b));
  return big ? far : near;
}

}  // namespace sim::approx
