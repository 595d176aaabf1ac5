// Operands of tcgen05.mma as panels of floats: every element type here is exact in f32, scaled ones too while
// element * scale stays in the range of f32 (|scale| < 2^118 for the widest element).
#pragma once
#include <algorithm>
#include <cstring>

#include "mma_tile.h"
#include "umma_descriptor.h"

namespace sim::umma {

inline constexpr unsigned MAX_ROWS_A = 128, MAX_N = 256, MAX_K = 128;
// A: one line a row, k contiguous. B: one line a k, n contiguous.
struct alignas(64) PanelA {
  float at[MAX_ROWS_A][MAX_K];
};
struct alignas(64) PanelB {
  float at[MAX_K][MAX_N];
};

typedef uint8_t Bytes16 __attribute__((vector_size(16)));
typedef uint16_t Halves16 __attribute__((vector_size(32)));

template <class V>
inline V load_as(const void* from) {
  V v;
  std::memcpy(&v, from, sizeof v);
  return v;
}
inline Words widen16(Bytes16 b) { return __builtin_convertvector(b, Words); }

// 16 elements at p, as they are packed in shared memory (`padded`: 4- and 6-bit ones at the start of their 16
// bytes, PTX 9.1 #tcgen05-packing-formats-mxf8f6f4-smem).
template <Number N>
inline Words decode16_of(const uint8_t* p) {
  if constexpr (N == Number::tf32) {
    return load_as<Words>(p) & 0xffffe000u;
  } else if constexpr (N == Number::bf16) {
    return __builtin_convertvector(load_as<Halves16>(p), Words) << 16;
  } else if constexpr (N == Number::f16) {
    return decode16<F16>(__builtin_convertvector(load_as<Halves16>(p), Words));
  } else if constexpr (N == Number::e4m3) {
    return decode16<E4M3>(widen16(load_as<Bytes16>(p)));
  } else if constexpr (N == Number::e5m2) {
    return decode16<E5M2>(widen16(load_as<Bytes16>(p)));
  } else if constexpr (N == Number::u8) {
    return reinterpret_cast<Words>(__builtin_convertvector(widen16(load_as<Bytes16>(p)), Floats));
  } else if constexpr (N == Number::s8) {
    const Masks wide = reinterpret_cast<Masks>(widen16(load_as<Bytes16>(p)) << 24) >> 24;
    return reinterpret_cast<Words>(__builtin_convertvector(wide, Floats));
  } else if constexpr (N == Number::e2m1) {
    // element 2i in the low half of byte i; eight values, one table
    Words code;
    for (unsigned i = 0; i < 8; ++i) code[2 * i] = p[i] & 15, code[2 * i + 1] = p[i] >> 4;
    return decode16<E2M1>(code);
  } else {
    Words code;
    for (unsigned i = 0; i < 4; ++i) {  // four elements in three bytes
      const uint32_t w = uint32_t(p[3 * i]) | uint32_t(p[3 * i + 1]) << 8 | uint32_t(p[3 * i + 2]) << 16;
      for (unsigned e = 0; e < 4; ++e) code[4 * i + e] = w >> 6 * e & 63;
    }
    return N == Number::e2m3 ? decode16<E2M3>(code) : decode16<E3M2>(code);
  }
}
#if defined(__AVX512F__) && defined(__AVX512BW__)
template <>
inline Words decode16_of<Number::e2m1>(const uint8_t* p) {
  uint64_t packed;
  std::memcpy(&packed, p, 8);
  const __m512i both = _mm512_cvtepu8_epi64(_mm_cvtsi64_si128(int64_t(packed)));  // a byte in every 64 bits
  const __m512i code = _mm512_or_si512(_mm512_and_si512(both, _mm512_set1_epi64(15)), _mm512_slli_epi64(both, 28));
  const __m512 values = _mm512_setr_ps(0, .5f, 1, 1.5f, 2, 3, 4, 6, -0.f, -.5f, -1, -1.5f, -2, -3, -4, -6);
  return reinterpret_cast<Words>(_mm512_permutexvar_ps(code, values));  // which takes the low four bits
}
#endif

// `granules` of 16 bytes to floats; rounds up to 16 elements, so both ends are padded.
using DecodeLine = void (*)(const uint8_t* bytes, unsigned granules, float* out);
template <Number N, unsigned BYTES>  // that 16 elements take
void decode_line(const uint8_t* bytes, unsigned granules, float* out) {
  for (unsigned at = 0; at < granules * 16; at += BYTES, out += 16) {
    const Words v = decode16_of<N>(bytes + at);
    std::memcpy(out, &v, sizeof v);
  }
}
// In tensor memory 4- and 6-bit elements of A have a byte each: four bits in its middle, six at its bottom.
// PTX 9.1 #tcgen05-packing-formats-mxf8f6f4-tmem
template <const Format& F, unsigned SHIFT>
void decode_containers(const uint8_t* bytes, unsigned granules, float* out) {
  for (unsigned at = 0; at < granules * 16; at += 16, out += 16) {
    const Words v = decode16<F>(widen16(load_as<Bytes16>(bytes + at)) >> SHIFT & ((1u << F.bits()) - 1));
    std::memcpy(out, &v, sizeof v);
  }
}
DecodeLine decoder(Kind kind, Number n, bool in_tensor_memory);

// 16 x 16 floats, out[c][r] = in[r][c].
inline void transpose16(const float* in, size_t in_pitch, float* out, size_t out_pitch) {
  Floats r[16];
  for (unsigned i = 0; i < 16; ++i) r[i] = load_as<Floats>(in + i * in_pitch);
  // exchange with the row 1, 2, 4, 8 apart the elements as far apart
  auto round = [&]<unsigned S>() {
    Masks low, high;
    for (int l = 0; l < 16; ++l) low[l] = l & int(S) ? 16 + l - int(S) : l, high[l] = l & int(S) ? 16 + l : l + int(S);
    for (unsigned i = 0; i < 16; ++i) {
      if (i & S) continue;
      const Floats a = r[i], b = r[i + S];
      r[i] = __builtin_shuffle(a, b, low), r[i + S] = __builtin_shuffle(a, b, high);
    }
  };
  round.template operator()<1>(), round.template operator()<2>();
  round.template operator()<4>(), round.template operator()<8>();
  for (unsigned i = 0; i < 16; ++i) std::memcpy(out + i * out_pitch, &r[i], sizeof r[i]);
}
// Both counts are rounded up to 16: what lies there is garbage.
inline void transpose(const float* in, size_t in_pitch, unsigned rows, unsigned columns, float* out, size_t out_pitch) {
  for (unsigned r = 0; r < rows; r += 16)
    for (unsigned c = 0; c < columns; c += 16)
      transpose16(in + r * in_pitch + c, in_pitch, out + c * out_pitch + r, out_pitch);
}

inline float scale_of(ScaleType t, uint32_t code) {
  if (t == ScaleType::ue4m3) return f32(sim::decode<E4M3>(code & 0x7f));
  return f32(code == 255 ? F32_NAN : code == 0 ? 0x00400000u : code << 23);
}

// Where rows of A and D lie in the tensor memory of one CTA. PTX 9.1 #tcgen05-data-path-layout-organization
struct DataPath {
  uint32_t rows, parts;  // D's columns are split over `parts` groups of lanes; A is repeated in each
  bool half;             // 16 lanes of each 32 are used (layouts C and F)
  uint32_t first;        // of these, 0 or 16
  uint32_t lane(uint32_t row, uint32_t part) const {
    return half ? row % 16 + row / 16 * 32 + first : row + part * rows;
  }
};
inline DataPath data_path(const Instruction& i) {
  if (i.by.cta_group == 2) {
    if (i.m == 256) return {128, 1, false, 0};                                             // A
    return i.by.sparse ? DataPath{64, 1, true, 0} : DataPath{64, 2, false, 0};             // C, B
  }
  if (i.m == 128) return {128, 1, false, 0};                                               // D
  if (i.m == 64) return i.by.ws ? DataPath{64, 2, false, 0} : DataPath{64, 1, true, 0};    // E, F
  return {32, 4, false, 0};                                                                // G
}

}  // namespace sim::umma
