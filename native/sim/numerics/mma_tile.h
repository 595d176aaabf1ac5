// The product of one m16n8 mma.sync: D[16][8] = A[16][K] * B[K][8] + C, from fragments as they lie in the
// lanes to fragments again: lane 4g + t has columns 2t and 2t + 1 of rows g (registers 0, 1) and g + 8 (2,
// 3).
#pragma once
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "tensor_core.h"
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__)
#define SIM_MMA_COLUMNS
#include "mma_columns.h"
#endif

namespace sim {

// 32 lanes of a register become 4 / bytes_of(E) times 32 floats: out[e][lane].
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

namespace detail {
// Column after column by the definition; arguments are multiply()'s.
template <unsigned PER, unsigned K>
void multiply_by_definition(const Lanes32 (*low)[PER], const Lanes32 (*high)[PER], const Lanes32 (*b)[PER], const Lanes32* c,
                            Lanes32* d, const TensorCore& how) {
  const unsigned passes = how.halves ? 2 : 1;
  float x[2][K][16];
  unsigned order[2][K], count[2] = {0, 0};  // the k of each pass
  for (unsigned k = 0; k < K; ++k) {
    const unsigned r = k / PER / 4, t = k / PER % 4, e = k % PER, pass = e * passes / PER, i = count[pass]++;
    order[pass][i] = k;
    for (unsigned g = 0; g < 8; ++g) x[pass][i][g] = low[r][e][4 * g + t], x[pass][i][g + 8] = high[r][e][4 * g + t];
  }
  for (unsigned n = 0; n < 8; ++n) {
    float from[16], y[K], sum[16] = {};
    for (unsigned m = 0; m < 16; ++m) from[m] = c[n % 2 + m / 8 * 2][4 * (m % 8) + n / 2];
    for (unsigned pass = 0; pass < passes; ++pass) {
      for (unsigned i = 0; i < count[pass]; ++i) {
        const unsigned k = order[pass][i];
        y[i] = b[k / PER / 4][k % PER][4 * n + k / PER % 4];
      }
      dot(x[pass], y, count[pass], how.halves ? sum : from, how, sum);
      if (how.halves && how.half_d)
        for (float& v : sum) v = f16_to_f32(f32_to_f16_rn(bits(v)));
    }
    for (unsigned m = 0; m < 16; ++m) d[n % 2 + m / 8 * 2][4 * (m % 8) + n / 2] = how.halves ? from[m] + sum[m] : sum[m];
  }
}
}  // namespace detail

// PER elements lie in a register, K along a row: lane 4g + t holds k = (4r + t) * PER + e in register r. low[r][e],
// high[r][e] are the expanded registers of A (rows 0-7 and 8-15), b[r][e] those of B. All 64-byte aligned.
template <unsigned PER, unsigned K>
void multiply(const Lanes32 (*low)[PER], const Lanes32 (*high)[PER], const Lanes32 (*b)[PER],
              const Lanes32* c, Lanes32* d, const TensorCore& how) {
#ifdef SIM_MMA_COLUMNS
  if (detail::multiply_columns<PER, K>(low, high, b, c, d, how)) return;
#endif
  detail::multiply_by_definition<PER, K>(low, high, b, c, d, how);
}

}  // namespace sim
