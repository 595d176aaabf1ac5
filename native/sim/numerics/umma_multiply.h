// The multiply loop of tcgen05.mma: D[m][n] = A[m][0..K) . B[0..K)[n] (+ D[m][n] * scale).
//
// Order of summation: products are exact and added to D one after the other in ascending k, each addition rounded to
// f32 (a chain of fused multiply-adds). Scale factors are multiplied into the elements
// beforehand, which is exact; so is the whole where the sums are. The hardware's own order is not documented; this
// is the one place that would change.
#pragma once
#include "umma_operand.h"

namespace sim::umma {

inline constexpr unsigned ROWS_AT_ONCE = 8;

struct Block {
  const float* a;  // ROWS_AT_ONCE rows of MAX_K
  const float* b;  // k rows of MAX_N
  float* const* d;  // ROWS_AT_ONCE rows of n
  unsigned k, n;
  bool accumulate;
  float scale;  // of the D that comes in: a power of two
};

#if defined(__AVX512F__)
template <unsigned V>
inline void multiply_columns(const Block& x, unsigned from, __mmask16 last) {
  __m512 sum[ROWS_AT_ONCE][V];
  for (unsigned r = 0; r < ROWS_AT_ONCE; ++r)
    for (unsigned v = 0; v < V; ++v)
      sum[r][v] = x.accumulate ? _mm512_mul_ps(_mm512_maskz_loadu_ps(v + 1 == V ? last : __mmask16(0xffff),
                                                                     x.d[r] + from + 16 * v),
                                               _mm512_set1_ps(x.scale))
                               : _mm512_setzero_ps();
  const float *a = x.a, *b = x.b + from;
  for (unsigned k = 0; k < x.k; ++k, ++a, b += MAX_N) {
    __m512 column[V];
    for (unsigned v = 0; v < V; ++v) column[v] = _mm512_loadu_ps(b + 16 * v);
    for (unsigned r = 0; r < ROWS_AT_ONCE; ++r) {
      const __m512 row = _mm512_set1_ps(a[r * MAX_K]);
      for (unsigned v = 0; v < V; ++v) sum[r][v] = _mm512_fmadd_ps(row, column[v], sum[r][v]);
    }
  }
  const __m512 nan = _mm512_castsi512_ps(_mm512_set1_epi32(int(F32_NAN)));
  for (unsigned r = 0; r < ROWS_AT_ONCE; ++r)
    for (unsigned v = 0; v < V; ++v) {
      const __m512 s = sum[r][v];
      const __m512 out = _mm512_mask_mov_ps(s, _mm512_cmp_ps_mask(s, s, _CMP_UNORD_Q), nan);
      _mm512_mask_storeu_ps(x.d[r] + from + 16 * v, v + 1 == V ? last : __mmask16(0xffff), out);
    }
}
inline void multiply(const Block& x) {
  unsigned n = 0;
  for (; n + 48 <= x.n; n += 48) multiply_columns<3>(x, n, 0xffff);
  const unsigned left = x.n - n;  // a multiple of 8
  const __mmask16 last = left % 16 ? 0x00ff : 0xffff;
  if (left > 32)
    multiply_columns<3>(x, n, last);
  else if (left > 16)
    multiply_columns<2>(x, n, last);
  else if (left)
    multiply_columns<1>(x, n, last);
}
#else
inline void multiply(const Block& x) {
  for (unsigned r = 0; r < ROWS_AT_ONCE; ++r) {
    float sum[MAX_N];
    for (unsigned n = 0; n < x.n; ++n) sum[n] = x.accumulate ? x.d[r][n] * x.scale : 0.0f;
    for (unsigned k = 0; k < x.k; ++k) {
      const float row = x.a[r * MAX_K + k];
      const float* b = x.b + size_t(k) * MAX_N;
      for (unsigned n = 0; n < x.n; ++n) sum[n] = __builtin_fmaf(row, b[n], sum[n]);
    }
    for (unsigned n = 0; n < x.n; ++n) x.d[r][n] = f32(canonical(sum[n]));
  }
}
#endif

}  // namespace sim::umma
