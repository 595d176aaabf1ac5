// The product of one m16n8 mma.sync: D[16][8] = A[16][K] * B[K][8] + C, from fragments as they lie in the lanes to fragments again.
// C and D as 4 x 32 floats, 64-byte aligned: lane 4g + t has columns 2t and 2t + 1 of rows g (0, 1) and g + 8 (2, 3).
//
// Order of summation: products are exact, and added to C one after the other in ascending k, each addition rounded to f32 (a chain of fused
// multiply-adds). The hardware's own order and alignment is not documented; this function is the one place that would change.
#pragma once
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "half.h"

namespace sim {

enum class Element : uint8_t { f16, bf16, tf32, e4m3, e5m2, e2m3, e3m2, e2m1 };

constexpr unsigned bytes_of(Element e) { return e == Element::tf32 ? 4 : e == Element::f16 || e == Element::bf16 ? 2 : 1; }

template <Element E>
constexpr const Format& format_of() {
  if constexpr (E == Element::e4m3) return E4M3;
  else if constexpr (E == Element::e5m2) return E5M2;
  else if constexpr (E == Element::e2m3) return E2M3;
  else if constexpr (E == Element::e3m2) return E3M2;
  else return E2M1;
}
constexpr unsigned container_shift(Element e) { return e == Element::e2m1 ? 2 : 0; }  // e2m1 lies in the middle of its byte

// 32 lanes 4g + t to four columns t of eight numbers g, and back. Two of them make the 16 rows of a column.
#if defined(__AVX512F__)
struct Columns {
  __m512 of[4];
};
// Sixteen words with the compiler's own operators.
typedef uint32_t Words __attribute__((vector_size(64)));
typedef float Floats __attribute__((vector_size(64)));
inline Floats floats(Words w) { return reinterpret_cast<Floats>(w); }
inline Words words(Floats f) { return reinterpret_cast<Words>(f); }

// decode<F>() of 16 codes
template <const Format& F>
inline Words decode16(Words code) {
  constexpr uint32_t one = (128u - F.bias) << 23, rebias = (127u - F.bias) << 23;
  const Words a = code & (F.sign() - 1), moved = a << (23 - F.mantissa);
  const Words small = words(floats(moved + one) - f32(one));
  Words v = a < (1u << F.mantissa) ? small : moved + rebias;
  if constexpr (F.inf != 0) v = a == F.inf ? Words{} + F32_INF : v;
  if constexpr (F.nan > F.max) v = a > (F.inf ? F.inf : F.max) ? Words{} + F32_NAN : v;
  return v | (code & F.sign()) << (31 - (F.exponent + F.mantissa));
}
// Element e of 16 lanes' registers. Vector types, because gcc unrolls such short loops into scalar code before it looks for vectors.
template <Element E>
inline __m512 elements(const uint32_t* word, unsigned e) {
  Words w;
  std::memcpy(&w, word, sizeof w);
  if constexpr (E == Element::tf32) w &= 0xffffe000u;
  else if constexpr (E == Element::bf16) w = (w >> (16 * e)) << 16;
  else if constexpr (E == Element::f16) w = decode16<F16>(w >> (16 * e) & 0xffffu);
  else w = decode16<format_of<E>()>(w >> (8 * e + container_shift(E)) & (2 * format_of<E>().sign() - 1));
  return reinterpret_cast<__m512>(w);
}
inline __m512i every_fourth(int t) {
  return _mm512_add_epi32(_mm512_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28, 0, 4, 8, 12, 16, 20, 24, 28), _mm512_set1_epi32(t));
}
inline Columns columns(__m512 a, __m512 b, __m512 c, __m512 d) {  // a, b: lanes 0-15 and 16-31 of rows 0-7; c, d of rows 8-15
  Columns out;
  for (int t = 0; t < 4; ++t) {
    const __m512i pick = every_fourth(t);
    out.of[t] = _mm512_mask_blend_ps(0xff00, _mm512_permutex2var_ps(a, pick, b), _mm512_permutex2var_ps(c, pick, d));
  }
  return out;
}
inline void lanes(const Columns& in, float* low, float* high) {
  const __m512i quad = _mm512_setr_epi32(0, 16, 0, 16, 1, 17, 1, 17, 2, 18, 2, 18, 3, 19, 3, 19);
  for (int k = 0; k < 4; ++k) {  // rows 4k .. 4k + 3
    const __m512i pick = _mm512_add_epi32(quad, _mm512_set1_epi32(4 * k));
    const __m512 v = _mm512_mask_blend_ps(0xcccc, _mm512_permutex2var_ps(in.of[0], pick, in.of[1]), _mm512_permutex2var_ps(in.of[2], pick, in.of[3]));
    _mm512_storeu_ps((k < 2 ? low : high) + 16 * (k % 2), v);
  }
}

template <Element A, Element B, unsigned K>
inline void mma_tile(const uint32_t* const* a, const uint32_t* const* b, const float* const* c, float* const* d) {
  constexpr unsigned per = 4 / bytes_of(A), regs = K * bytes_of(A) / 16;  // elements a register, registers along K
  // column n = 2t + h of C is column t of register h (rows 0-7) and of register 2 + h (rows 8-15)
  auto half = [&](unsigned h) {
    return columns(_mm512_load_ps(c[h]), _mm512_load_ps(c[h] + 16), _mm512_load_ps(c[2 + h]), _mm512_load_ps(c[2 + h] + 16));
  };
  Columns sum[2] = {half(0), half(1)};
  __m512 x[K];
  alignas(64) float y[K][8];
  for (unsigned i = 0; i < regs; ++i)
    for (unsigned e = 0; e < per; ++e) {
      const Columns rows = columns(elements<A>(a[2 * i], e), elements<A>(a[2 * i] + 16, e), elements<A>(a[2 * i + 1], e), elements<A>(a[2 * i + 1] + 16, e));
      const __m512 n0 = elements<B>(b[i], e), n1 = elements<B>(b[i] + 16, e);
      for (unsigned t = 0; t < 4; ++t) {  // lane 4g + t holds k = (4i + t) * per + e
        const unsigned k = (4 * i + t) * per + e;
        x[k] = rows.of[t];
        _mm512_mask_storeu_ps(y[k], 0xff, _mm512_permutex2var_ps(n0, every_fourth(int(t)), n1));
      }
    }
  for (unsigned k = 0; k < K; ++k)
    for (unsigned h = 0; h < 2; ++h)
      for (unsigned t = 0; t < 4; ++t) sum[h].of[t] = _mm512_fmadd_ps(x[k], _mm512_set1_ps(y[k][2 * t + h]), sum[h].of[t]);
  lanes(sum[0], d[0], d[2]), lanes(sum[1], d[1], d[3]);
}
#else
template <Element E>
inline float element(uint32_t word, unsigned e) {
  if constexpr (E == Element::tf32) return f32(word & 0xffffe000u);
  else if constexpr (E == Element::bf16) return f32((word >> (16 * e)) << 16);
  else if constexpr (E == Element::f16) return f16_to_f32(word >> (16 * e) & 0xffff);
  else return f32(decode<format_of<E>()>((word >> (8 * e + container_shift(E))) & (2 * format_of<E>().sign() - 1)));
}
template <Element A, Element B, unsigned K>
inline void mma_tile(const uint32_t* const* a, const uint32_t* const* b, const float* const* c, float* const* d) {
  constexpr unsigned per = 4 / bytes_of(A), regs = K * bytes_of(A) / 16;
  alignas(64) float x[K][16], y[K][8], sum[8][16];
  for (unsigned i = 0; i < regs; ++i)
    for (unsigned e = 0; e < per; ++e) {
      for (unsigned l = 0; l < 32; ++l) {
        const unsigned k = (4 * i + l % 4) * per + e;
        x[k][l / 4] = element<A>(a[2 * i][l], e), x[k][l / 4 + 8] = element<A>(a[2 * i + 1][l], e), y[k][l / 4] = element<B>(b[i][l], e);
      }
    }
  for (unsigned r = 0; r < 4; ++r)
    for (unsigned l = 0; l < 32; ++l) sum[2 * (l % 4) + r % 2][l / 4 + 8 * (r / 2)] = c[r][l];
  for (unsigned k = 0; k < K; ++k)
    for (unsigned n = 0; n < 8; ++n)
      for (unsigned m = 0; m < 16; ++m) sum[n][m] = __builtin_fmaf(x[k][m], y[k][n], sum[n][m]);
  for (unsigned r = 0; r < 4; ++r)
    for (unsigned l = 0; l < 32; ++l) d[r][l] = sum[2 * (l % 4) + r % 2][l / 4 + 8 * (r / 2)];
}
#endif

}  // namespace sim
