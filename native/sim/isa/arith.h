// Arithmetic shared by the floating-point chapters: canonical NaN, .ftz, .sat and minimum/maximum on the
// bits.
#pragma once
#include <cmath>

#include "../numerics/bits.h"

namespace sim {

// .sat: clamp to [0, 1]; NaN and -0 become +0.
template <class T>
inline T saturate01(T v) {
  return v > 0 ? (v < 1 ? v : T(1)) : T(0);
}
// A NaN made by f32 arithmetic is the canonical one; f64 chooses among those of its operands (below).
inline float settle(float v) { return v != v ? f32(F32_NAN) : v; }
inline double settle(double v) { return v; }
inline double flush(double v) { return v; }

// f64 on an H200: a NaN operand comes out quiet with sign and payload, the first of these that is one; a NaN
// made of numbers is the host's, negative and empty.
inline bool is_nan64(uint64_t u) { return (u & 0x7fffffffffffffff) > 0x7ff0000000000000; }
inline uint64_t quiet64(uint64_t u) { return u | 0x0008000000000000; }
inline double prefer_nan(double r, double first, double second) {
  const uint64_t a = bits(first), b = bits(second);
  return f64(is_nan64(a) ? quiet64(a) : is_nan64(b) ? quiet64(b) : bits(r));
}
inline double prefer_nan(double r, double first, double second, double third) {
  return is_nan64(bits(first)) ? prefer_nan(r, first, first) : prefer_nan(r, second, third);
}
inline double fma64(double a, double b, double c) { return prefer_nan(__builtin_fma(a, b, c), b, c, a); }

// F on T with the modifiers around it.
template <auto F, bool FTZ, bool SAT, class T, class... A>
inline T modified(A... a) {
  T r;
  if constexpr (FTZ)
    r = T(F(flush(a)...));
  else
    r = T(F(a...));
  if constexpr (FTZ) r = flush(r);
  if constexpr (SAT)
    return saturate01(r);
  else
    return settle(r);
}

// min/max: a number beats NaN unless NAN_WINS; -0 < +0; two NaNs give the canonical one. XORSIGN: magnitudes
// compared, signs multiplied.
template <bool MAX, bool NAN_WINS, bool FTZ, bool XORSIGN>
inline uint32_t extreme(uint32_t a, uint32_t b) {
  if constexpr (FTZ) a = flush(a), b = flush(b);
  const uint32_t sign = (a ^ b) & 0x80000000u;
  if constexpr (XORSIGN) a &= 0x7fffffffu, b &= 0x7fffffffu;
  const float x = f32(a), y = f32(b);
  const uint32_t tie = MAX ? a & b : a | b;
  uint32_t r = (MAX ? x > y : x < y) ? a : b;
  r = x == y ? tie : r;
  if constexpr (XORSIGN) r = (r & 0x7fffffffu) | sign;
  if constexpr (NAN_WINS) {
    r = (is_nan32(a) | is_nan32(b)) ? F32_NAN : r;
  } else {
    uint32_t alone_b = b, alone_a = a;
    if constexpr (XORSIGN) alone_b |= sign, alone_a |= sign;
    r = is_nan32(a) ? alone_b : is_nan32(b) ? alone_a : r;
    r = (is_nan32(a) & is_nan32(b)) ? F32_NAN : r;
  }
  return r;
}

}  // namespace sim
