// The product of one mma.sync: acc[M][8] += A[M][K] * B[K][8], from fragments as they lie in the lanes.
//
// Order of summation: products are exact, and added to C one after the other in ascending k, each addition rounded to f32 (a chain of fused
// multiply-adds). The hardware's own order and alignment is not documented; this function is the one place that would change.
#pragma once
#include "half.h"

namespace sim {

enum class Element : uint8_t { f16, bf16, tf32, e4m3, e5m2, e2m3, e3m2, e2m1 };

constexpr unsigned bytes_of(Element e) { return e == Element::tf32 ? 4 : e == Element::f16 || e == Element::bf16 ? 2 : 1; }

// Element e of a 32-bit register's value as a float.
template <Element E>
inline float element_of(uint32_t word, unsigned e) {
  if constexpr (E == Element::bf16) return f32(e ? word & 0xffff0000u : word << 16);
  else if constexpr (E == Element::f16) return f16_to_f32(word >> (16 * e) & 0xffff);
  else if constexpr (E == Element::tf32) return f32(word & 0xffffe000u);
  else {
    const uint32_t code = word >> (8 * e) & 0xff;
    if constexpr (E == Element::e4m3) return f32(decode<E4M3>(code));
    else if constexpr (E == Element::e5m2) return f32(decode<E5M2>(code));
    else if constexpr (E == Element::e2m3) return f32(decode<E2M3>(code & 0x3f));
    else if constexpr (E == Element::e3m2) return f32(decode<E3M2>(code & 0x3f));
    else return f32(decode<E2M1>(code >> 2 & 0xf));  // the middle four bits of the container
  }
}

// 16 rows at a time are one vector: column k of A against one number of B.
typedef float Rows16 __attribute__((vector_size(64)));

template <Element A, Element B, unsigned M, unsigned K>
inline void mma_tile(const uint32_t* const* a, const uint32_t* const* b, float (*acc)[8]) {
  static_assert(M == 16);
  constexpr unsigned per = 4 / bytes_of(A), regs = K * bytes_of(A) / 16;  // elements a register, registers along K
  static_assert(bytes_of(A) == bytes_of(B));
  alignas(64) float x[K][16], y[K][8], c[8][16];
  for (unsigned i = 0; i < regs; ++i)
    for (unsigned e = 0; e < per; ++e) {
      // lane 4g + t: row g (+8), k = i * 4 * per + t * per + e
      float lo[32], hi[32], n[32];
      for (unsigned l = 0; l < 32; ++l) lo[l] = element_of<A>(a[2 * i][l], e), hi[l] = element_of<A>(a[2 * i + 1][l], e);
      for (unsigned l = 0; l < 32; ++l) n[l] = element_of<B>(b[i][l], e);
      for (unsigned t = 0; t < 4; ++t) {
        const unsigned k = (4 * i + t) * per + e;
        for (unsigned g = 0; g < 8; ++g) x[k][g] = lo[4 * g + t], x[k][g + 8] = hi[4 * g + t];
        for (unsigned g = 0; g < 8; ++g) y[k][g] = n[4 * g + t];
      }
    }
  for (unsigned m = 0; m < 16; ++m)
    for (unsigned n = 0; n < 8; ++n) c[n][m] = acc[m][n];
  Rows16 sum[8];
#pragma GCC unroll 8
  for (unsigned n = 0; n < 8; ++n) sum[n] = *reinterpret_cast<const Rows16*>(c[n]);
  for (unsigned k = 0; k < K; ++k) {
    const Rows16 col = *reinterpret_cast<const Rows16*>(x[k]);
#pragma GCC unroll 8
    for (unsigned n = 0; n < 8; ++n) {
      Rows16 s;
      for (unsigned m = 0; m < 16; ++m) s[m] = __builtin_fmaf(col[m], y[k][n], sum[n][m]);
      sum[n] = s;
    }
  }
#pragma GCC unroll 8
  for (unsigned n = 0; n < 8; ++n) *reinterpret_cast<Rows16*>(c[n]) = sum[n];
  for (unsigned m = 0; m < 16; ++m)
    for (unsigned n = 0; n < 8; ++n) acc[m][n] = c[n][m];
}

}  // namespace sim
