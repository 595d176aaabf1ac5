// A tile of mma.sync a column of D at a time, 16 rows in the lanes of a register, for the tiles that nearly all are. What
// it gives is dot()'s of tensor_core.h to the bit:
//
//   - A product of two operands is exact in f32 while it is normal: they have at most 11 significant bits each. Times the
//     power of two that makes the last bit kept a one, its conversion to an integer is the cut toward zero. One that is
//     not normal is far below that bit, for a column's largest exponent is at least -100 here.
//   - In those units a product is below 2^(fraction + 2), so that 16 of them have room in 32 bits; sums of more, and that
//     with C, are watched for overflow.
//   - An integer as a float rounded toward zero is the result's cut, and the power of two that follows is exact.
//
// A tile with an infinity, a NaN, a column whose exponents lie outside -100 .. 100, or an overflow is not for this code.
#pragma once
#include <immintrin.h>

#include "tensor_core.h"

namespace sim::detail {

// Exponents of products count from -254, as two biased ones add up. Those of zero stay negative.
constexpr int NO_PRODUCT = -16384, LEAST_PRODUCT = -100 + 254, MOST_PRODUCT = 100 + 254;

// Biased exponents of v0 in the lower and of v1 in the upper halves of the lanes. `wide` operands have more mantissa bits
// than a bf16 (which also tell a subnormal from zero).
template <bool WIDE>
inline __m512i exponents_of(__m512 v0, __m512 v1, int least) {
  auto upper = [](__m512 v) {
    const __m512i u = _mm512_castps_si512(v);
    constexpr int or_masked = 0xf8;  // a | b & c
    return WIDE ? _mm512_ternarylogic_epi32(u, _mm512_slli_epi32(u, 3), _mm512_set1_epi32(0x70000), or_masked) : u;
  };
  const __m512i both = _mm512_mask_blend_epi16(0xaaaaaaaau, _mm512_srli_epi32(upper(v0), 16), upper(v1));
  const __m512i magnitude = _mm512_slli_epi16(both, 1);
  const __m512i e = _mm512_max_epi16(_mm512_srli_epi16(magnitude, 8), _mm512_set1_epi16(short(least + 127)));
  return _mm512_mask_mov_epi16(e, _mm512_testn_epi16_mask(magnitude, magnitude), _mm512_set1_epi16(NO_PRODUCT));
}
inline __m512i exponents_of(__m512 v, int least) {
  const __m512i twice = _mm512_slli_epi32(_mm512_castps_si512(v), 1);
  const __m512i e = _mm512_max_epi32(_mm512_srli_epi32(twice, 24), _mm512_set1_epi32(least + 127));
  return _mm512_mask_mov_epi32(e, _mm512_testn_epi32_mask(twice, twice), _mm512_set1_epi32(NO_PRODUCT));
}
inline __m512 power_of_two(__m512i biased) { return _mm512_castsi512_ps(_mm512_slli_epi32(biased, 23)); }

// Column t of 32 lanes 4g + t, for 16 rows: g and g + 8.
inline __m512 column(const float* low, const float* high, int t) {
  const __m512i pick = _mm512_add_epi32(_mm512_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28, 0, 4, 8, 12, 16, 20, 24, 28), _mm512_set1_epi32(t));
  return _mm512_mask_blend_ps(0xff00, _mm512_permutex2var_ps(_mm512_load_ps(low), pick, _mm512_load_ps(low + 16)),
                              _mm512_permutex2var_ps(_mm512_load_ps(high), pick, _mm512_load_ps(high + 16)));
}
// Columns `h`, `h + 2` ... of eight back to lanes.
inline void lanes(const __m512* of, unsigned h, float* low, float* high) {
  const __m512i quad = _mm512_setr_epi32(0, 16, 0, 16, 1, 17, 1, 17, 2, 18, 2, 18, 3, 19, 3, 19);
  for (int k = 0; k < 4; ++k) {  // rows 4k .. 4k + 3
    const __m512i pick = _mm512_add_epi32(quad, _mm512_set1_epi32(4 * k));
    const __m512 v = _mm512_mask_blend_ps(0xcccc, _mm512_permutex2var_ps(of[h], pick, of[h + 2]),
                                          _mm512_permutex2var_ps(of[h + 4], pick, of[h + 6]));
    _mm512_storeu_ps((k < 2 ? low : high) + 16 * (k % 2), v);
  }
}

// What all columns of a tile have in common that keeps it from being for this code.
struct Watch {
  __m512i least = _mm512_set1_epi32(-1), most = _mm512_setzero_si512();  // exponents of a column; zero is above all, and below
  __m512i operands = _mm512_setzero_si512();                             // the largest, biased
  __m512i overflow = _mm512_setzero_si512();                             // in the signs
  bool good() const {
    const __mmask16 range = _mm512_cmplt_epu32_mask(least, _mm512_set1_epi32(LEAST_PRODUCT)) |
                            _mm512_cmpgt_epi32_mask(most, _mm512_set1_epi32(MOST_PRODUCT)) | _mm512_movepi32_mask(overflow);
    return !range && !_mm512_cmpgt_epi16_mask(operands, _mm512_set1_epi16(254));
  }
};

// A column of D before the products: C in units of the last bit kept.
struct Column {
  __m512 up, down;  // to these units and back
  __m512i c;
};

// Eight k at a time: for each t of a lane 4g + t, two neighbours in the order of the sum. A sum is over groups `first`,
// `first + STEP` ...
template <unsigned GROUPS>
struct Operands {
  struct {
    __m512 x[2];  // rows of A
    __m512i exponents;
  } a[GROUPS][4];
  const float* b[GROUPS][2];  // column n of B in lanes 4n + t
  alignas(64) uint32_t exponents_b[GROUPS][32];

  template <unsigned STEP>
  Column begin(unsigned n, unsigned first, __m512 c, const TensorCore& how, Watch& watch) const {
    __m512i both = _mm512_set1_epi16(2 * NO_PRODUCT);
    for (unsigned g = first; g < GROUPS; g += STEP)
      for (unsigned t = 0; t < 4; ++t)
        both = _mm512_max_epi16(both, _mm512_add_epi16(a[g][t].exponents, _mm512_set1_epi32(int(exponents_b[g][4 * n + t]))));
    __m512i e = _mm512_max_epi32(_mm512_srai_epi32(both, 16), _mm512_srai_epi32(_mm512_slli_epi32(both, 16), 16));
    e = _mm512_max_epi32(e, _mm512_add_epi32(exponents_of(c, how.min_c), _mm512_set1_epi32(127)));
    watch.least = _mm512_min_epu32(watch.least, e), watch.most = _mm512_max_epi32(watch.most, e);
    e = _mm512_max_epi32(e, _mm512_set1_epi32(LEAST_PRODUCT));
    const __m512 up = power_of_two(_mm512_sub_epi32(_mm512_set1_epi32(127 + 254 + how.fraction), e));
    const __m512 down = power_of_two(_mm512_sub_epi32(e, _mm512_set1_epi32(254 - 127 + how.fraction)));
    return {up, down, _mm512_cvttps_epi32(_mm512_mul_ps(c, up))};
  }
  template <unsigned STEP>
  __m512 sum(unsigned n, unsigned first, const Column& to, const TensorCore& how, Watch& watch) const {
    __m512i sum = to.c;
    for (unsigned g = first; g < GROUPS;) {
      __m512i part = _mm512_setzero_si512();
      for (unsigned sixteen = 0; sixteen < 2 && g < GROUPS; ++sixteen, g += STEP)
        for (unsigned t = 0; t < 4; ++t)
          for (unsigned i = 0; i < 2; ++i) {
            const __m512 product = _mm512_mul_ps(a[g][t].x[i], _mm512_set1_ps(b[g][i][4 * n + t]));
            part = _mm512_add_epi32(part, _mm512_cvttps_epi32(_mm512_mul_ps(product, to.up)));
          }
      const __m512i all = _mm512_add_epi32(sum, part);
      constexpr int left_range = 0x42;  // ~(a ^ b) & (a ^ c): the summands have one sign, their sum the other
      watch.overflow = _mm512_or_si512(watch.overflow, _mm512_ternarylogic_epi32(sum, part, all, left_range));
      sum = all;
    }
    __m512 near = _mm512_cvt_roundepi32_ps(sum, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
    if (how.half_d) {  // see narrow()
      const __mmask16 inexact = _mm512_cmpneq_epi32_mask(_mm512_cvttps_epi32(near), sum);
      const __m512i cut = _mm512_castps_si512(near);
      near = _mm512_castsi512_ps(_mm512_mask_or_epi32(cut, inexact, cut, _mm512_set1_epi32(1)));
    }
    const __m512i d = _mm512_castps_si512(_mm512_mul_ps(near, to.down));
    return _mm512_castsi512_ps(_mm512_and_si512(d, _mm512_set1_epi32(int(how.keep))));
  }
  // All begin before any sum: the host would else fill up with multiplications that wait for one column's units.
  template <unsigned STEP>
  void columns(unsigned first, __m512* d, const TensorCore& how, Watch& watch) const {
    Column column[8];
    for (unsigned n = 0; n < 8; ++n) column[n] = begin<STEP>(n, first, d[n], how, watch);
    for (unsigned n = 0; n < 8; ++n) d[n] = sum<STEP>(n, first, column[n], how, watch);
  }
};

// multiply() of mma_tile.h; false: it wrote nothing.
template <unsigned PER, unsigned K>
bool multiply_columns(const Lanes32 (*low)[PER], const Lanes32 (*high)[PER], const Lanes32 (*b)[PER], const Lanes32* c, Lanes32* d,
                      const TensorCore& how) {
  constexpr unsigned GROUPS = (K + 7) / 8, REGS = K / (4 * PER);
  alignas(64) static constexpr Lanes32 ZERO = {};
  Watch watch;
  Operands<GROUPS> o;
  for (unsigned g = 0; g < GROUPS; ++g) {
    // two elements of a register, or, where it has one, two registers
    const unsigned r = PER == 1 ? 2 * g : 2 * g / PER, e = PER == 1 ? 0 : 2 * g % PER;
    const bool second = PER > 1 || r + 1 < REGS;
    const unsigned r1 = PER == 1 ? r + 1 : r, e1 = PER == 1 ? 0 : e + 1;
    const float* const pair[3][2] = {{low[r][e], second ? low[r1][e1] : ZERO},
                                     {high[r][e], second ? high[r1][e1] : ZERO},
                                     {b[r][e], second ? b[r1][e1] : ZERO}};
    for (unsigned t = 0; t < 4; ++t) {
      auto& a = o.a[g][t];
      for (unsigned i = 0; i < 2; ++i) a.x[i] = column(pair[0][i], pair[1][i], int(t));
      a.exponents = exponents_of<PER == 1>(a.x[0], a.x[1], how.min_a);
      watch.operands = _mm512_max_epi16(watch.operands, a.exponents);
    }
    for (unsigned i = 0; i < 2; ++i) o.b[g][i] = pair[2][i];
    for (unsigned half = 0; half < 32; half += 16) {
      const __m512i e16 = exponents_of<PER == 1>(_mm512_load_ps(pair[2][0] + half), _mm512_load_ps(pair[2][1] + half), how.min_b);
      watch.operands = _mm512_max_epi16(watch.operands, e16);
      _mm512_store_si512(o.exponents_b[g] + half, e16);
    }
  }
  __m512 sum[8];
  for (unsigned n = 0; n < 8; ++n) sum[n] = how.halves ? _mm512_setzero_ps() : column(c[n % 2], c[2 + n % 2], int(n / 2));
  if (!how.halves) o.template columns<1>(0, sum, how, watch);
  for (unsigned half = 0; half < 2 && how.halves; ++half) {
    o.template columns<2>(half, sum, how, watch);
    for (unsigned n = 0; n < 8; ++n) {
      if (how.half_d) sum[n] = _mm512_cvtph_ps(_mm512_cvtps_ph(sum[n], _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
      if (half) sum[n] = _mm512_add_ps(column(c[n % 2], c[2 + n % 2], int(n / 2)), sum[n]);
    }
  }
  if (!watch.good()) return false;
  for (unsigned h = 0; h < 2; ++h) lanes(sum, h, d[h], d[2 + h]);
  return true;
}

}  // namespace sim::detail
