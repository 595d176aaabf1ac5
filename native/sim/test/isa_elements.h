// MatrixElement types of matrices as the tests know them, and codes whose products and sums no format rounds.
#pragma once
#include <cmath>
#include <functional>
#include <random>
#include <string>

#include "isa_reference.h"

namespace sim::isa_test {

struct MatrixElement {
  const char* name;
  unsigned bits;
  std::function<double(uint32_t)> value;
  bool integer() const { return name[0] == 's' || name[0] == 'u' || bits == 1; }
};
inline const MatrixElement F16{"f16", 16, [](uint32_t c) { return value_of(f16_grid(), c); }},
    BF16{"bf16", 16, [](uint32_t c) { return value_of(bf16_grid(), c); }},
    TF32{"tf32", 32, [](uint32_t c) { return double(__builtin_bit_cast(float, c & 0xffffe000u)); }},
    E4M3{"e4m3", 8, [](uint32_t c) { return value_of(e4m3_grid(), c); }},
    E5M2{"e5m2", 8, [](uint32_t c) { return value_of(e5m2_grid(), c); }},
    E2M3{"e2m3", 8, [](uint32_t c) { return value_of(e2m3_grid(), c & 63); }},
    E3M2{"e3m2", 8, [](uint32_t c) { return value_of(e3m2_grid(), c & 63); }},
    E2M1{"e2m1", 8, [](uint32_t c) { return value_of(e2m1_grid(), c >> 2 & 15); }},  // in the middle of its container
    S8{"s8", 8, [](uint32_t c) { return double(int8_t(c)); }}, U8{"u8", 8, [](uint32_t c) { return double(c); }},
    S4{"s4", 4, [](uint32_t c) { return double(int(c << 28) >> 28); }}, U4{"u4", 4, [](uint32_t c) { return double(c); }},
    B1{"b1", 1, [](uint32_t c) { return double(c); }};

// A code whose value is a multiple of 1/8 up to 8, of integers any: every sum of products is exact in f32.
inline uint32_t small_code(const MatrixElement& t, std::mt19937_64& rng) {
  if (t.bits == 32)  // the low bits of tf32 are ignored
    return __builtin_bit_cast(uint32_t, float(int(rng() % 33) - 16) / 8) | uint32_t(rng() & 0x1fff);
  for (;;) {
    const uint32_t v = uint32_t(rng()) & ((1u << t.bits) - 1);
    const double x = t.value(v);
    if (t.integer() || (std::fabs(x) <= 8 && x * 8 == std::nearbyint(x * 8))) return v;
  }
}

}  // namespace sim::isa_test
