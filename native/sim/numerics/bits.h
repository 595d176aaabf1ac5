// Bit views of floats, the canonical NaNs of the hardware, and directed rounding of native arithmetic.
#pragma once
#include <cstdint>
#include <cstring>
#include <type_traits>

#if defined(__SSE__) || defined(__x86_64__)
#include <xmmintrin.h>
#else
#include <cfenv>
#endif

namespace sim {

// The next multiple of `align`.
constexpr uint64_t round_up(uint64_t v, uint64_t align) { return (v + align - 1) / align * align; }

inline uint32_t bits(float f) { return __builtin_bit_cast(uint32_t, f); }
inline uint64_t bits(double f) { return __builtin_bit_cast(uint64_t, f); }
inline float f32(uint32_t u) { return __builtin_bit_cast(float, u); }
inline double f64(uint64_t u) { return __builtin_bit_cast(double, u); }

// PTX #floating-point-instructions: single precision results carry no NaN payload; every NaN that an
// instruction makes is this one.
inline constexpr uint32_t F32_NAN = 0x7fffffff, F16_NAN = 0x7fff, BF16_NAN = 0x7fff;
inline constexpr uint32_t F32_INF = 0x7f800000;

// RN to nearest, ties to even; RZ to zero; RM down; RP up; RNA to nearest, ties away from zero; RS add random
// bits, then cut.
enum class Round : uint8_t { RN, RZ, RM, RP, RNA, RS };

inline bool is_nan32(uint32_t u) { return (u & 0x7fffffff) > F32_INF; }
inline float settle_nan(float f) { return f != f ? f32(F32_NAN) : f; }
inline uint32_t canonical(float f) { return f != f ? F32_NAN : bits(f); }
// Subnormals become zero of the same sign (.ftz).
inline uint32_t flush(uint32_t u) { return (u & F32_INF) ? u : u & 0x80000000; }
inline float flush(float f) { return f32(flush(bits(f))); }

// While alive, native float arithmetic rounds this way. The memory clobber keeps loads, arithmetic on them
// and stores inside, so operands must come from memory and results go to memory (a lane loop does both).
class RoundScope {
 public:
  explicit RoundScope(Round r) : saved_(get()) {
    static constexpr unsigned field[] = {0, 3, 1, 2, 0, 3};
    set((saved_ & ~0x6000u) | field[unsigned(r)] << 13);
  }
  ~RoundScope() { set(saved_); }
  RoundScope(const RoundScope&) = delete;
  RoundScope& operator=(const RoundScope&) = delete;

 private:
#if defined(__SSE__) || defined(__x86_64__)
  static unsigned get() { return _mm_getcsr(); }
  static void set(unsigned v) {
    asm volatile("" ::: "memory");
    _mm_setcsr(v);
    asm volatile("" ::: "memory");
  }
#else
  static unsigned get() {
    switch (std::fegetround()) {
      case FE_TOWARDZERO:
        return 3u << 13;
      case FE_DOWNWARD:
        return 1u << 13;
      case FE_UPWARD:
        return 2u << 13;
      default:
        return 0;
    }
  }
  static void set(unsigned v) {
    static const int mode[] = {FE_TONEAREST, FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO};
    asm volatile("" ::: "memory");
    std::fesetround(mode[v >> 13 & 3]);
    asm volatile("" ::: "memory");
  }
#endif
  unsigned saved_;
};

}  // namespace sim
