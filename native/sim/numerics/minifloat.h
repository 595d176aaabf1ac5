// Narrow float formats: one row a format, one encoder for all of them, every rounding of PTX cvt.
// The encoder has no data-dependent branch, so a loop of it over lanes becomes vector code.
#pragma once
#include "bits.h"

namespace sim {

// code = sign, exponent, mantissa from the top. `max` is the largest finite magnitude's code, `inf` what an
// overflow gives without .satfinite (0 = the format has none), `nan` the code of a NaN result (e2m1, e2m3 and
// e3m2 have none: +max, PTX #data-movement-and-conversion-instructions-cvt).
struct Format {
  unsigned mantissa, exponent, bias;
  uint32_t max, inf, nan;
  constexpr unsigned bits() const { return 1 + exponent + mantissa; }
  constexpr uint32_t sign() const { return 1u << (exponent + mantissa); }
};
inline constexpr Format F16{10, 5, 15, 0x7bff, 0x7c00, 0x7fff};
inline constexpr Format BF16{7, 8, 127, 0x7f7f, 0x7f80, 0x7fff};
inline constexpr Format TF32{10, 8, 127, 0x3fbff, 0x3fc00, 0x3ffff};
inline constexpr Format E4M3{3, 4, 7, 0x7e, 0, 0x7f};
inline constexpr Format E5M2{2, 5, 15, 0x7b, 0x7c, 0x7f};
inline constexpr Format E2M3{3, 2, 1, 0x1f, 0, 0x1f};
inline constexpr Format E3M2{2, 3, 3, 0x1f, 0, 0x1f};
inline constexpr Format E2M1{1, 2, 1, 0x7, 0, 0x7};
inline constexpr Format F32{23, 8, 127, 0x7f7fffff, F32_INF, F32_NAN};

// A wide float (f32 or f64) as the encoder's source.
template <class U>
struct Wide;
template <>
struct Wide<uint32_t> {
  static constexpr unsigned mantissa = 23, bias = 127, width = 32;
};
template <>
struct Wide<uint64_t> {
  static constexpr unsigned mantissa = 52, bias = 1023, width = 64;
};

// `random` (RS only) holds `random_bits` bits, aligned below the last kept bit: value = magnitude + random *
// ulp / 2^random_bits, then cut.
template <const Format& F, Round R, bool SATFINITE, bool RELU = false, class U = uint32_t>
inline uint32_t encode(U u, [[maybe_unused]] uint32_t random = 0, [[maybe_unused]] unsigned random_bits = 0) {
  using W = Wide<U>;
  using S = std::make_signed_t<U>;
  constexpr U one = 1, sign_bit = one << (W::width - 1);
  constexpr U inf = ((one << (W::width - 1 - W::mantissa)) - 1) << W::mantissa;
  constexpr U hidden = one << W::mantissa;
  // exponent at which the target turns subnormal, as a biased source exponent
  constexpr S first_normal = S(W::bias) + 1 - S(F.bias);
  const U a = u & ~sign_bit;
  const bool negative = (u & sign_bit) != 0;
  if constexpr (R == Round::RN && sizeof(U) == 4) {
    // The same as below in fewer steps: above the subnormals a carry rounds; below, adding a power of two
    // whose ulp is the smallest subnormal does (the host rounds to nearest).
    constexpr unsigned drop = 23 - F.mantissa;
    constexpr uint32_t rebias = (127 - F.bias) << 23, first = (128 - F.bias) << 23,
                       magic = (127 + 24 - F.bias - F.mantissa) << 23;
    const uint32_t normal = (a + ((1u << (drop - 1)) - 1) + ((a >> drop) & 1) - rebias) >> drop;
    const uint32_t small = bits(f32(a) + f32(magic)) - magic;
    uint32_t code = a < first ? small : normal;
    constexpr uint32_t over = SATFINITE || F.inf == 0 ? F.max : F.inf;
    code =
        code > F.max ? over : code;  // also for a so large that the subtraction of the bias left it far above
    code |= negative ? F.sign() : 0u;
    if constexpr (RELU) code = negative ? 0u : code;
    return a > inf ? F.nan : code;
  }
  const U field = a >> W::mantissa;
  const U e = field ? field : one;
  const U m = (a & (hidden - 1)) | (field ? hidden : U(0));
  const U cut_below = S(e) < first_normal ? U(first_normal - S(e)) : U(0);
  U cut = U(W::mantissa - F.mantissa) + cut_below;
  static_assert(R != Round::RS || sizeof(U) == 4, "random bits are added in 64 bits");
  uint64_t carried = 0;  // RS: the part cut off, in units of the random bits, plus these
  if constexpr (R == Round::RS) {
    const unsigned wide = cut > 62 ? 62 : unsigned(cut);
    carried = ((uint64_t(m) & ((uint64_t(1) << wide) - 1)) << random_bits >> wide) + random;
  }
  const bool tiny = cut > W::mantissa + 2;  // below a quarter ulp everything rounds alike, except with random bits
  cut = tiny ? U(W::mantissa + 2) : cut;
  const U kept = m >> cut, rest = m & ((one << cut) - 1), half = cut ? (one << cut) >> 1 : U(0);
  U up;
  if constexpr (R == Round::RN)
    up = (rest > half) | ((rest == half) & (kept & 1) & (half != 0));
  else if constexpr (R == Round::RNA)
    up = (rest >= half) & (half != 0);
  else if constexpr (R == Round::RP)
    up = (rest != 0) & !negative;
  else if constexpr (R == Round::RM)
    up = (rest != 0) & negative;
  else if constexpr (R == Round::RS)
    up = U(carried >> random_bits);
  else
    up = 0;
  const S exponent = S(e) < first_normal ? S(0) : S(e) - first_normal;
  uint32_t code = uint32_t((U(exponent) << F.mantissa) + kept + up);
  // Beyond the largest finite value. Directed rounding towards zero stops there, and so does .satfinite.
  constexpr bool stops = SATFINITE || F.inf == 0 || R == Round::RZ;
  const bool away = R == Round::RP ? !negative : R == Round::RM ? negative : true;
  const bool huge = exponent > S((1u << F.exponent) - 1) || code > F.max;
  const uint32_t over = (stops || !away) ? F.max : F.inf;
  code = huge ? over : code;
  if constexpr (!SATFINITE && F.inf != 0) code = a == inf ? F.inf : code;
  code |= negative ? F.sign() : 0u;
  if constexpr (RELU) code = negative ? 0u : code;
  return a > inf ? F.nan : code;
}

// Value of a code as f32 bits, by the definition of the format; exact for every format here.
template <const Format& F>
inline uint32_t decode(uint32_t code) {
  const uint32_t s = (code & F.sign()) ? 0x80000000u : 0u, a = code & (F.sign() - 1);
  uint32_t v;
  if constexpr (F.bias == 127) {
    v = a << (23 - F.mantissa);
  } else {
    // subnormals: put the mantissa below a leading one, take that one away again; no f32 subnormal on the way
    // (they are slow on some hosts)
    constexpr uint32_t one = (128u - F.bias) << 23, rebias = (127u - F.bias) << 23;
    const uint32_t moved = a << (23 - F.mantissa);
    const uint32_t small = bits(f32(moved + one) - f32(one)) & 0x7fffffff;
    v = a < (1u << F.mantissa) ? small : moved + rebias;
  }
  if constexpr (F.inf != 0) v = a >= F.inf ? (a == F.inf ? F32_INF : F32_NAN) : v;
  if constexpr (F.inf == 0 && F.nan > F.max) v = a == F.nan ? F32_NAN : v;
  return F.inf == 0 && F.nan <= F.max ? v | s : (v == F32_NAN ? v : v | s);
}

// UE8M0 is a bare exponent: 2^(code-127), 0xff NaN. The sign of the source is ignored; zero and what lies
// below 2^-127 give code 0.
template <bool UP, bool SATFINITE>
inline uint32_t encode_ue8m0(uint32_t u) {
  const uint32_t a = u & 0x7fffffff, e = a >> 23, m = a & 0x7fffff;
  // subnormals: 2^-127 is mantissa 0x400000
  const uint32_t up_normal = UP & (m != 0), up_sub = UP & (m > 0x400000);
  uint32_t code = e ? e + up_normal : up_sub;
  const uint32_t top = SATFINITE ? 0xfe : 0xff;
  code = code > 0xfe ? top : code;
  return a > F32_INF ? 0xffu : code;
}
inline uint32_t decode_ue8m0_to_bf16(uint32_t code) {
  return code == 0xff ? 0x7fffu : code == 0 ? 0x40u : code << 7;
}

}  // namespace sim
