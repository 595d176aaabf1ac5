// The product of one m16n8 mma.sync: D[16][8] = A[16][K] * B[K][8] + C, from fragments as they lie in the
// lanes to fragments again: lane 4g + t has columns 2t and 2t + 1 of rows g (registers 0, 1) and g + 8 (2,
// 3).
//
// Rounding is Hopper's, found by measurement and held to it by the vectors of fixtures/hw/h200 (mma, wgmma): all products
// of the instruction's K and C are aligned to the largest exponent among them and cut to `fraction` bits behind it (toward
// zero), their sum is exact, and the result is cut to f32. See TensorCore for the two kinds.
#pragma once
#include <algorithm>
#include <cmath>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "half.h"

namespace sim {

enum class Element : uint8_t { f16, bf16, tf32, e4m3, e5m2, e2m3, e3m2, e2m1 };
constexpr unsigned bytes_of(Element e) {
  return e == Element::tf32 ? 4 : e == Element::f16 || e == Element::bf16 ? 2 : 1;
}

// 32 lanes of a register become 4 / bytes_of(E) times 32 floats: out[e][lane].
using Lanes32 = float[32];
using Expand = void (*)(const uint32_t* word, Lanes32* out);

// Sixteen words with the compiler's own operators: gcc would unroll such short loops into scalar code before
// it looks for vectors.
typedef uint32_t Words __attribute__((vector_size(64)));
typedef int32_t Masks __attribute__((vector_size(64)));
typedef float Floats __attribute__((vector_size(64)));

inline Words select(Masks m, Words a, Words b) {  // m is 0 or ~0
#if defined(__AVX512F__)
  const __m512i mask = reinterpret_cast<__m512i>(m);
  return reinterpret_cast<Words>(
      _mm512_ternarylogic_epi32(mask, reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b), 0xca));
#else
  const Words on = reinterpret_cast<Words>(m);
  return (a & on) | (b & ~on);
#endif
}
// decode<F>() of 16 codes
template <const Format& F>
inline Words decode16(Words code) {
  constexpr uint32_t one = (128u - F.bias) << 23, rebias = (127u - F.bias) << 23;
  const Words a = code & (F.sign() - 1), moved = a << (23 - F.mantissa);
  const Words small = reinterpret_cast<Words>(reinterpret_cast<Floats>(moved + one) - f32(one));
  Words v = select(a < (1u << F.mantissa), small, moved + rebias);
  if constexpr (F.inf != 0) v = select(a == F.inf, Words{} + F32_INF, v);
  if constexpr (F.nan > F.max) v = select(a > (F.inf ? F.inf : F.max), Words{} + F32_NAN, v);
  return v | (code & F.sign()) << (31 - (F.exponent + F.mantissa));
}
template <Element E>
inline Words element(Words w, unsigned e) {
  if constexpr (E == Element::tf32)
    return w & 0xffffe000u;
  else if constexpr (E == Element::bf16)
    return (w >> (16 * e)) << 16;
  else if constexpr (E == Element::f16)
    return decode16<F16>((w >> (16 * e)) & 0xffffu);
  else if constexpr (E == Element::e4m3)
    return decode16<E4M3>(w >> (8 * e) & 0xffu);
  else if constexpr (E == Element::e5m2)
    return decode16<E5M2>(w >> (8 * e) & 0xffu);
  else if constexpr (E == Element::e2m3)
    return decode16<E2M3>(w >> (8 * e) & 0x3fu);
  else if constexpr (E == Element::e3m2)
    return decode16<E3M2>(w >> (8 * e) & 0x3fu);
  else
    return decode16<E2M1>(w >> (8 * e + 2) & 0xfu);  // the middle four bits of its byte
}
template <Element E>
void expand(const uint32_t* word, Lanes32* out) {
  for (unsigned half = 0; half < 32; half += 16) {
    Words w;
    std::memcpy(&w, word + half, sizeof w);
    for (unsigned e = 0; e < 4 / bytes_of(E); ++e) {
      const Words v = element<E>(w, e);
      std::memcpy(out[e] + half, &v, sizeof v);
    }
  }
}

// x[k] is column k of A (16 rows), y[k] row k of B (8 columns), c and d the fragments.
#if defined(__AVX512F__)
struct Columns {
  __m512 of[4];
};
// 32 lanes 4g + t to four columns t of eight numbers g, and back. Two of them make the 16 rows of a column.
inline __m512i every_fourth(int t) {
  return _mm512_add_epi32(_mm512_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28, 0, 4, 8, 12, 16, 20, 24, 28),
                          _mm512_set1_epi32(t));
}
inline __m512 column(const float* low, const float* high, int t) {  // rows 0-7, rows 8-15
  const __m512i pick = every_fourth(t);
  return _mm512_mask_blend_ps(0xff00,
                              _mm512_permutex2var_ps(_mm512_load_ps(low), pick, _mm512_load_ps(low + 16)),
                              _mm512_permutex2var_ps(_mm512_load_ps(high), pick, _mm512_load_ps(high + 16)));
}
inline void lanes(const Columns& in, float* low, float* high) {
  const __m512i quad = _mm512_setr_epi32(0, 16, 0, 16, 1, 17, 1, 17, 2, 18, 2, 18, 3, 19, 3, 19);
  for (int k = 0; k < 4; ++k) {  // rows 4k .. 4k + 3
    const __m512i pick = _mm512_add_epi32(quad, _mm512_set1_epi32(4 * k));
    const __m512 v = _mm512_mask_blend_ps(0xcccc, _mm512_permutex2var_ps(in.of[0], pick, in.of[1]),
                                          _mm512_permutex2var_ps(in.of[2], pick, in.of[3]));
    _mm512_storeu_ps((k < 2 ? low : high) + 16 * (k % 2), v);
  }
}
#endif

// How a tensor core adds. A term's exponent is that of its operands' formats: a subnormal has the format's least exponent,
// zero has none.
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
constexpr int NO_EXPONENT = -5000;  // of zero
inline int exponent_of(float v, int least) {
  const uint32_t u = bits(v) & 0x7fffffff;
  return u == 0 ? NO_EXPONENT : std::max(int(u >> 23) - 127, least);
}
inline double power(int n) { return f64(uint64_t(n + 1023) << 52); }

#if defined(__AVX512F__)
inline __m512i exponents_of(__m512 v, int least) {
  const __m512i u = _mm512_and_si512(_mm512_castps_si512(v), _mm512_set1_epi32(0x7fffffff));
  const __m512i e = _mm512_max_epi32(_mm512_sub_epi32(_mm512_srli_epi32(u, 23), _mm512_set1_epi32(127)),
                                     _mm512_set1_epi32(least));
  return _mm512_mask_mov_epi32(e, _mm512_testn_epi32_mask(u, u), _mm512_set1_epi32(NO_EXPONENT));
}
inline __m512d powers(__m256i n) {
  return _mm512_castsi512_pd(
      _mm512_slli_epi64(_mm512_add_epi64(_mm512_cvtepi32_epi64(n), _mm512_set1_epi64(1023)), 52));
}
inline __m512d half_of(__m512 v, int h) {
  return _mm512_cvtps_pd(h ? _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(v), 1)) : _mm512_castps512_ps256(v));
}
inline __m512d cut(__m512d v) { return _mm512_roundscale_pd(v, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC); }
// Toward zero; beyond f32: infinity. With `odd`, what was cut shows in the last bit, so that a rounding to f16 is the only one.
inline __m256 narrow(__m512d v, bool odd) {
  const __m512d far = _mm512_set1_pd(0x1p128);
  const __mmask8 over = _mm512_cmp_pd_mask(_mm512_abs_pd(v), far, _CMP_GE_OQ);
  __m256 near = _mm512_cvt_roundpd_ps(v, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
  if (odd) {
    const __mmask8 inexact = _mm512_cmp_pd_mask(_mm512_cvtps_pd(near), v, _CMP_NEQ_UQ);
    near = _mm256_castsi256_ps(_mm256_mask_or_epi32(_mm256_castps_si256(near), inexact, _mm256_castps_si256(near), _mm256_set1_epi32(1)));
  }
  return _mm256_mask_mov_ps(near, over, _mm512_cvt_roundpd_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
// One column of D: c + sum over `count` columns of A by numbers of B.
struct Column16 {
  __m512d value[2];
  __m512i exponent;
};
inline __m512 dot(const Column16* const* x, const float* const* y, const int* const* ey, unsigned n, unsigned count, __m512 c,
                  const TensorCore& how) {
  __m512i e = exponents_of(c, how.min_c);
  for (unsigned k = 0; k < count; ++k)
    e = _mm512_max_epi32(e, _mm512_add_epi32(x[k]->exponent, _mm512_set1_epi32(ey[k][n])));
  e = _mm512_max_epi32(e, _mm512_set1_epi32(-400));
  __m256 out[2];
  for (int h = 0; h < 2; ++h) {
    const __m256i eh = h ? _mm512_extracti64x4_epi64(e, 1) : _mm512_castsi512_si256(e);
    const __m256i fraction = _mm256_set1_epi32(how.fraction);
    const __m512d up = powers(_mm256_sub_epi32(fraction, eh)), down = powers(_mm256_sub_epi32(eh, fraction));
    __m512d sum = _mm512_add_pd(_mm512_setzero_pd(), cut(_mm512_mul_pd(half_of(c, h), up)));
    for (unsigned k = 0; k < count; ++k)
      sum = _mm512_add_pd(sum, cut(_mm512_mul_pd(_mm512_mul_pd(x[k]->value[h], _mm512_set1_pd(double(y[k][n]))), up)));
    out[h] = narrow(_mm512_mul_pd(sum, down), how.half_d);
  }
  const __m512 d = _mm512_castpd_ps(_mm512_insertf64x4(_mm512_castpd256_pd512(_mm256_castps_pd(out[0])), _mm256_castps_pd(out[1]), 1));
  return _mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(d), _mm512_set1_epi32(int(how.keep))));
}
#else
inline float narrow(double v, bool odd) {  // as above
  const float near = float(v);
  if (!(std::fabs(v) < 0x1p128)) return near;
  const float low = std::fabs(double(near)) > std::fabs(v) ? f32(bits(near) - 1) : near;
  return odd && double(low) != v ? f32(bits(low) | 1) : low;
}
inline float dot(const float* x, const float* y, unsigned count, float c, const TensorCore& how) {
  int e = exponent_of(c, how.min_c);
  for (unsigned k = 0; k < count; ++k) e = std::max(e, exponent_of(x[k], how.min_a) + exponent_of(y[k], how.min_b));
  e = std::max(e, -400);
  const double up = power(how.fraction - e), down = power(e - how.fraction);
  double sum = 0.0 + std::trunc(double(c) * up);
  for (unsigned k = 0; k < count; ++k) sum += std::trunc(double(x[k]) * double(y[k]) * up);
  return f32(bits(narrow(sum * down, how.half_d)) & how.keep);
}
#endif
}  // namespace detail

// PER elements lie in a register, K along a row. low[r][e], high[r][e] are the expanded registers of A (rows
// 0-7 and 8-15), b[r][e] those of B, r along K. All 64-byte aligned.
template <unsigned PER, unsigned K>
void multiply(const Lanes32 (*low)[PER], const Lanes32 (*high)[PER], const Lanes32 (*b)[PER],
              const Lanes32* c, Lanes32* d, const TensorCore& how) {
  constexpr unsigned regs = K / (4 * PER);
  // lane 4g + t holds k = (4r + t) * PER + e of register r; column 2t + h of C is in registers h and 2 + h
  const unsigned passes = how.halves ? 2 : 1;
  unsigned order[2][K], count[2] = {0, 0};  // the k of each pass
  for (unsigned k = 0; k < K; ++k) {
    const unsigned pass = how.halves && k % PER >= PER / 2;
    order[pass][count[pass]++] = k;
  }
#if defined(__AVX512F__)
  alignas(64) float y[K][8];
  alignas(64) int ey[K][8];
  detail::Column16 x[K];
  for (unsigned r = 0; r < regs; ++r)
    for (unsigned e = 0; e < PER; ++e)
      for (unsigned t = 0; t < 4; ++t) {
        const unsigned k = (4 * r + t) * PER + e;
        const __m512 n = _mm512_permutex2var_ps(_mm512_load_ps(b[r][e]), every_fourth(int(t)),
                                                _mm512_load_ps(b[r][e] + 16));
        _mm512_mask_storeu_ps(y[k], 0xff, n);
        _mm512_mask_storeu_epi32(ey[k], 0xff, detail::exponents_of(n, how.min_b));
        const __m512 rows = column(low[r][e], high[r][e], int(t));
        x[k] = {{detail::half_of(rows, 0), detail::half_of(rows, 1)}, detail::exponents_of(rows, how.min_a)};
      }
  Columns sum[2];
  for (unsigned h = 0; h < 2; ++h)
    for (unsigned t = 0; t < 4; ++t) sum[h].of[t] = column(c[h], c[2 + h], int(t));
  const detail::Column16* xs[K];
  const float* ys[K];
  const int* es[K];
  Columns total[2];
  for (unsigned pass = 0; pass < passes; ++pass) {
    for (unsigned k = 0; k < count[pass]; ++k)
      xs[k] = &x[order[pass][k]], ys[k] = y[order[pass][k]], es[k] = ey[order[pass][k]];
    for (unsigned n = 0; n < 8; ++n) {
      __m512& to = total[n % 2].of[n / 2];
      const __m512 from = how.halves ? pass ? to : _mm512_setzero_ps() : sum[n % 2].of[n / 2];
      to = detail::dot(xs, ys, es, n, count[pass], from, how);
      if (how.halves && how.half_d) to = _mm512_cvtph_ps(_mm512_cvtps_ph(to, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
    }
  }
  if (how.halves)
    for (unsigned n = 0; n < 8; ++n) {
      __m512& to = total[n % 2].of[n / 2];
      to = _mm512_add_ps(sum[n % 2].of[n / 2], to);
    }
  lanes(total[0], d[0], d[2]), lanes(total[1], d[1], d[3]);
#else
  float cells[8][16];
  for (unsigned r = 0; r < 4; ++r)
    for (unsigned l = 0; l < 32; ++l) cells[2 * (l % 4) + r % 2][l / 4 + 8 * (r / 2)] = c[r][l];
  for (unsigned n = 0; n < 8; ++n)
    for (unsigned m = 0; m < 16; ++m) {
      float x[K], y[K], value = how.halves ? 0.0f : cells[n][m];
      for (unsigned pass = 0; pass < passes; ++pass) {
        for (unsigned i = 0; i < count[pass]; ++i) {
          const unsigned k = order[pass][i], r = k / PER / 4, t = k / PER % 4, e = k % PER;
          x[i] = (m < 8 ? low : high)[r][e][4 * (m % 8) + t], y[i] = b[r][e][4 * n + t];
        }
        value = detail::dot(x, y, count[pass], value, how);
        if (how.halves && how.half_d) value = f16_to_f32(f32_to_f16_rn(bits(value)));
      }
      cells[n][m] = how.halves ? cells[n][m] + value : value;
    }
  for (unsigned r = 0; r < 4; ++r)
    for (unsigned l = 0; l < 32; ++l) d[r][l] = cells[2 * (l % 4) + r % 2][l / 4 + 8 * (r / 2)];
#endif
}

}  // namespace sim
