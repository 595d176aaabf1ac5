// The product of one m16n8 mma.sync: D[16][8] = A[16][K] * B[K][8] + C, from fragments as they lie in the
// lanes to fragments again: lane 4g + t has columns 2t and 2t + 1 of rows g (registers 0, 1) and g + 8 (2,
// 3).
//
// Order of summation: products are exact, and added to C one after the other in ascending k, each addition
// rounded to f32 (a chain of fused multiply-adds). The hardware's own order and alignment is not documented;
// multiply() is the one place that would change.
#pragma once
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

// PER elements lie in a register, K along a row. low[r][e], high[r][e] are the expanded registers of A (rows
// 0-7 and 8-15), b[r][e] those of B, r along K. All 64-byte aligned.
template <unsigned PER, unsigned K>
void multiply(const Lanes32 (*low)[PER], const Lanes32 (*high)[PER], const Lanes32 (*b)[PER],
              const Lanes32* c, Lanes32* d) {
  constexpr unsigned regs = K / (4 * PER);
  // lane 4g + t holds k = (4r + t) * PER + e of register r; column 2t + h of C is in registers h and 2 + h
#if defined(__AVX512F__)
  alignas(64) float y[K][8];
  for (unsigned r = 0; r < regs; ++r)
    for (unsigned e = 0; e < PER; ++e)
      for (unsigned t = 0; t < 4; ++t) {
        const __m512 n = _mm512_permutex2var_ps(_mm512_load_ps(b[r][e]), every_fourth(int(t)),
                                                _mm512_load_ps(b[r][e] + 16));
        _mm512_mask_storeu_ps(y[(4 * r + t) * PER + e], 0xff, n);
      }
  Columns sum[2];
  for (unsigned h = 0; h < 2; ++h)
    for (unsigned t = 0; t < 4; ++t) sum[h].of[t] = column(c[h], c[2 + h], int(t));
  for (unsigned r = 0; r < regs; ++r)
    for (unsigned t = 0; t < 4; ++t)
      for (unsigned e = 0; e < PER; ++e) {
        const __m512 x = column(low[r][e], high[r][e], int(t));
        const float* row = y[(4 * r + t) * PER + e];
        for (unsigned n = 0; n < 8; ++n)
          sum[n % 2].of[n / 2] = _mm512_fmadd_ps(x, _mm512_set1_ps(row[n]), sum[n % 2].of[n / 2]);
      }
  lanes(sum[0], d[0], d[2]), lanes(sum[1], d[1], d[3]);
#else
  float sum[8][16];
  for (unsigned r = 0; r < 4; ++r)
    for (unsigned l = 0; l < 32; ++l) sum[2 * (l % 4) + r % 2][l / 4 + 8 * (r / 2)] = c[r][l];
  for (unsigned r = 0; r < regs; ++r)
    for (unsigned t = 0; t < 4; ++t)
      for (unsigned e = 0; e < PER; ++e) {
        float x[16];
        for (unsigned g = 0; g < 8; ++g) x[g] = low[r][e][4 * g + t], x[g + 8] = high[r][e][4 * g + t];
        for (unsigned n = 0; n < 8; ++n)
          for (unsigned m = 0; m < 16; ++m) sum[n][m] = __builtin_fmaf(x[m], b[r][e][4 * n + t], sum[n][m]);
      }
  for (unsigned r = 0; r < 4; ++r)
    for (unsigned l = 0; l < 32; ++l) d[r][l] = sum[2 * (l % 4) + r % 2][l / 4 + 8 * (r / 2)];
#endif
}

}  // namespace sim
