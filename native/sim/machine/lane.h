// Plumbing of lane-wise rows, written once: read, compute all 32 lanes, write back the lanes that are on.
// The full-mask path has no branch, so the compiler turns it into a few vector instructions.
#pragma once
#include <cstring>
#include <type_traits>
#if defined(__AVX512BW__) && defined(__AVX512VL__)
#define SIM_AVX512 1
#include <immintrin.h>
#endif

#include "warp.h"

namespace sim {

#define SIM_EACH_LANE(l) _Pragma("GCC ivdep") for (unsigned l = 0; l < LANES; ++l)

// bit l = lane l of t is not zero
inline uint32_t mask_of(const uint32_t* t) {
#if SIM_AVX512
  __m512i a = _mm512_loadu_si512(t), b = _mm512_loadu_si512(t + 16);
  return uint32_t(_mm512_test_epi32_mask(a, a)) | uint32_t(_mm512_test_epi32_mask(b, b)) << 16;
#else
  uint32_t m = 0;
  for (unsigned l = 0; l < LANES; ++l) m |= uint32_t(t[l] != 0) << l;
  return m;
#endif
}

// lane l = ~0 where bit l is set, else 0
inline void lanes_of(uint32_t m, uint32_t* t) { SIM_EACH_LANE(l) t[l] = 0u - ((m >> l) & 1u); }

// d[l] = t[l] where bit l of m is set. T: 4, 8 or 16 bytes.
template <class T>
inline void blend(T* d, const T* t, uint32_t m) {
#if SIM_AVX512
  if constexpr (sizeof(T) == 4) {
    _mm512_mask_storeu_epi32(d, __mmask16(m), _mm512_loadu_si512(t));
    _mm512_mask_storeu_epi32(d + 16, __mmask16(m >> 16), _mm512_loadu_si512(t + 16));
    return;
  } else if constexpr (sizeof(T) == 8) {
    for (unsigned k = 0; k < 4; ++k)
      _mm512_mask_storeu_epi64(d + 8 * k, __mmask8(m >> 8 * k), _mm512_loadu_si512(t + 8 * k));
    return;
  }
#endif
  for (unsigned l = 0; l < LANES; ++l)
    if (m >> l & 1) d[l] = t[l];
}

// The slot's element type of a value: 32-bit slots hold everything up to 32 bits, zero-extended.
template <class T>
struct SlotOf {
  using type = std::conditional_t<sizeof(T) <= 4, uint32_t, uint64_t>;
};

template <class T>
inline T from_slot(typename SlotOf<T>::type v) {
  T t;
  if constexpr (sizeof(T) == sizeof(v)) {
    std::memcpy(&t, &v, sizeof t);
  } else {
    std::conditional_t<sizeof(T) == 1, uint8_t, uint16_t> n = v;
    std::memcpy(&t, &n, sizeof t);
  }
  return t;
}
template <class T>
inline typename SlotOf<T>::type to_slot(T t) {
  if constexpr (sizeof(T) >= 4) {
    typename SlotOf<T>::type v;
    std::memcpy(&v, &t, sizeof v);
    return v;
  } else {
    std::conditional_t<sizeof(T) == 1, uint8_t, uint16_t> n;
    std::memcpy(&n, &t, sizeof n);
    return n;
  }
}

// d = f(a, b, ...) on every lane: operand 0 is the destination, the sources follow in order with types S...
//   template <class T> void add(Warp& w, const Instr& in) { map<T, T, T>(w, in, [](T a, T b) { return T(a +
//   b); }); }
namespace detail {
template <class D, class... S, class F, size_t... K>
inline void map(Warp& w, const Instr& in, F f, std::index_sequence<K...>) {
  auto* d = w.op<typename SlotOf<D>::type>(in, 0);
  auto run = [&](auto* out, const typename SlotOf<S>::type*... s) {
    SIM_EACH_LANE(l) out[l] = to_slot<D>(f(from_slot<S>(s[l])...));
  };
  if (w.exec == ALL) {
    run(d, w.op<typename SlotOf<S>::type>(in, K + 1)...);
  } else {
    typename SlotOf<D>::type t[LANES];
    run(t, w.op<typename SlotOf<S>::type>(in, K + 1)...);
    blend(d, t, w.exec);
  }
}
}  // namespace detail
template <class D, class... S, class F>
inline void map(Warp& w, const Instr& in, F f) {
  detail::map<D, S...>(w, in, f, std::index_sequence_for<S...>{});
}

// Bit l of the result = f(a, b, ...) of lane l; the sources are operands first, first+1, ... The caller
// writes it under Warp::exec.
namespace detail {
template <class... S, class F, size_t... K>
inline uint32_t test(Warp& w, const Instr& in, unsigned first, F f, std::index_sequence<K...>) {
  uint32_t t[LANES];
  auto run = [&](const typename SlotOf<S>::type*... s) {
    SIM_EACH_LANE(l) t[l] = f(from_slot<S>(s[l])...) ? 1u : 0u;
  };
  run(w.op<typename SlotOf<S>::type>(in, first + K)...);
  return mask_of(t);
}
}  // namespace detail
template <class... S, class F>
inline uint32_t test(Warp& w, const Instr& in, unsigned first, F f) {
  return detail::test<S...>(w, in, first, f, std::index_sequence_for<S...>{});
}
inline void write_pred(Warp& w, uint32_t& p, uint32_t value) { p = (p & ~w.exec) | (value & w.exec); }

}  // namespace sim
