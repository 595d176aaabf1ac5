// f16 and bf16 the fast way: the conversions that kernels do in their inner loops.
#pragma once
#include "minifloat.h"

namespace sim {

// A 16-bit float in a register: its own type, so that rows can overload on it.
struct f16_t {
  uint16_t u;
};
struct bf16_t {
  uint16_t u;
};

inline uint32_t f32_to_bf16_rn(uint32_t u) {
  const uint32_t r = (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
  return is_nan32(u) ? BF16_NAN : r;
}
inline uint32_t f32_to_f16_rn(uint32_t u) {
  const uint32_t a = u & 0x7fffffff, s = (u >> 16) & 0x8000;
  const uint32_t normal = (a + 0xfffu + ((a >> 13) & 1u) - 0x38000000u) >> 13;
  // below 2^-14 an addition of 0.5, whose ulp is the smallest subnormal, rounds
  const uint32_t small = bits(f32(a) + 0.5f) - 0x3f000000u;
  uint32_t r = a < 0x38800000u ? small : normal;
  r = a >= 0x477ff000u ? 0x7c00u : r;
  return a > F32_INF ? F16_NAN : r | s;
}
inline float f16_to_f32(uint32_t h) {
  const uint32_t a = h & 0x7fff, s = (h & 0x8000) << 16;
  const uint32_t normal = (a << 13) + 0x38000000u;
  const uint32_t small = bits(f32((a << 13) + 0x38800000u) - f32(0x38800000u)) &
                         0x7fffffff;  // exact; the zero is +0 however the host rounds
  uint32_t r = a < 0x400u ? small : normal;
  r = a >= 0x7c00u ? r + 0x38000000u : r;
  return f32(r | s);
}
inline float bf16_to_f32(uint32_t h) { return f32(h << 16); }

// Double to 16 bits in one rounding: the double is first cut to f32 with its lost bits kept as a sticky last
// bit (rounding to odd), so the second, narrower rounding sees on which side of a tie the value lies.
inline uint32_t to_odd_f32(double x) {
  const float f = float(x);
  const double back = f;
  const uint32_t u = bits(f);
  // |f| > |x| means the conversion went outwards: take the neighbour towards zero, whose last bit is then set
  // by the sticky
  const bool inexact = back != x && x == x;
  const bool outwards = (back < 0 ? -back : back) > (x < 0 ? -x : x);
  const uint32_t cut = outwards ? u - 1 : u;
  return inexact ? cut | 1 : u;
}
// a * b + c of doubles whose product is exact, rounded to odd: the error of the addition (Knuth's two-sum)
// goes into the last bit.
inline double fma_to_odd(double a, double b, double c) {
  const double p = a * b, s = p + c, t = s - p, e = (p - (s - t)) + (c - t);
  const uint64_t u = bits(s);
  const bool inwards = (e < 0) != (s < 0);  // the exact value is smaller than s in magnitude
  const uint64_t odd = (inwards ? u - 1 : u) | 1;
  return (e < 0 || e > 0) ? f64(odd) : s;
}
inline uint32_t f64_to_f16_rn(double x) { return f32_to_f16_rn(to_odd_f32(x)); }
inline uint32_t f64_to_bf16_rn(double x) { return f32_to_bf16_rn(to_odd_f32(x)); }

inline float widen(f16_t h) { return f16_to_f32(h.u); }
inline float widen(bf16_t h) { return bf16_to_f32(h.u); }
template <class H>
H narrow(float f);
template <>
inline f16_t narrow<f16_t>(float f) {
  return {uint16_t(f32_to_f16_rn(bits(f)))};
}
template <>
inline bf16_t narrow<bf16_t>(float f) {
  return {uint16_t(f32_to_bf16_rn(bits(f)))};
}
template <class H>
H narrow(double f);
template <>
inline f16_t narrow<f16_t>(double f) {
  return {uint16_t(f64_to_f16_rn(f))};
}
template <>
inline bf16_t narrow<bf16_t>(double f) {
  return {uint16_t(f64_to_bf16_rn(f))};
}

}  // namespace sim
