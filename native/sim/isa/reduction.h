// The read-modify-writes of memory that atom, red and cp.reduce share: of an element's old bits and the new operand's.
#pragma once
#include <atomic>

#include "../numerics/half.h"
#include "arith.h"

namespace sim::reduction {

// Warps of other clusters may run on other host threads, so each update is a host atomic as well.
template <class U, class F>
U update(U* at, F f, std::memory_order order) {
  std::atomic_ref<U> cell(*at);
  U old = cell.load(std::memory_order_relaxed);
  while (!cell.compare_exchange_weak(old, f(old), order, std::memory_order_relaxed)) {
  }
  return old;
}

inline constexpr auto add = [](auto r, auto b) { return r + b; };
inline constexpr auto and_ = [](auto r, auto b) { return r & b; };
inline constexpr auto or_ = [](auto r, auto b) { return r | b; };
inline constexpr auto xor_ = [](auto r, auto b) { return r ^ b; };
inline constexpr auto inc = [](uint32_t r, uint32_t b) { return r >= b ? 0u : r + 1; };
inline constexpr auto dec = [](uint32_t r, uint32_t b) { return r == 0 || r > b ? b : r - 1; };
template <class T>
inline constexpr auto lesser = [](auto r, auto b) { return T(r) < T(b) ? r : b; };
template <class T>
inline constexpr auto greater = [](auto r, auto b) { return T(r) > T(b) ? r : b; };

inline constexpr auto add_f32 = [](uint32_t r, uint32_t b) { return canonical(f32(r) + f32(b)); };
inline constexpr auto add_f32_ftz = [](uint32_t r, uint32_t b) { return flush(canonical(flush(f32(r)) + flush(f32(b)))); };
// A NaN of f64: memory's unit keeps it as it is, the new one before the old.
inline constexpr auto add_f64 = [](uint64_t r, uint64_t b) { return is_nan64(b) ? b : is_nan64(r) ? r : bits(f64(r) + f64(b)); };
template <class H>
inline constexpr auto add_half = [](uint16_t r, uint16_t b) { return narrow<H>(double(widen(H{r})) + double(widen(H{b}))).u; };
template <class H, bool MAX>
inline constexpr auto extreme_half =
    [](uint16_t r, uint16_t b) { return narrow<H>(f32(extreme<MAX, false, false, false>(bits(widen(H{r})), bits(widen(H{b}))))).u; };

}  // namespace sim::reduction
