// PTX ISA 9.7.3, 9.7.4: functions whose value the ISA only bounds. 16-bit arguments in all their values; 32-bit arguments densely
// where the function is computed (one period of exponents), and hard values everywhere.
#include <cstring>

#include "values.h"

namespace hw {
namespace {

// 2^20 arguments: every exponent, 2048 mantissas each with both signs, spread and random.
std::vector<Input> spread(uint64_t seed) {
  Input in{Bytes(size_t(4) << 20), 4};
  for (uint64_t k = 0; k < 1 << 20; ++k) {
    const uint64_t e = k >> 12, sign = k >> 11 & 1, j = k & 2047;
    const uint64_t m = j < 16 ? j : j < 32 ? 0x7fffff - (j - 16) : (j << 12 | (word(seed, k) & 0xfff));
    store(in.bytes, k * 4, sign << 31 | e << 23 | m, 4);
  }
  return {in};
}
// Every `step`-th float from `first` on.
std::vector<Input> dense(uint32_t first, uint32_t step, size_t n) {
  Input in{Bytes(n * 4), 4};
  for (size_t k = 0; k < n; ++k) store(in.bytes, k * 4, first + uint32_t(k) * step, 4);
  return {in};
}
void function(Chapter& chapter, const std::string& op, std::vector<std::pair<uint32_t, unsigned>> ranges) {
  lanes(chapter, op + " $d, $a;", "d:r a:f32",
        {.n = 1 << 20, .name = op + " spread", .hash_lanes = 2048, .inputs = [s = seed_of(op)] { return spread(s); }});
  for (auto [first, octaves] : ranges) {
    const size_t n = size_t(octaves) << 20;
    lanes(chapter, op + " $d, $a;", "d:r a:f32",
          {.n = n, .name = op + " dense from " + std::to_string(first), .hash_lanes = 2048,
           .inputs = [=] { return dense(first, 8 - 1, n); }});
  }
}
}  // namespace

HW_CHAPTER(approx) {
  constexpr uint32_t one = 0x3f800000, two = 0x40000000;
  for (const auto& z : any("|.ftz")) {
    function(chapter, "rcp.approx" + z + ".f32", {{one, 1}});
    function(chapter, "rsqrt.approx" + z + ".f32", {{one, 2}});
    function(chapter, "sqrt.approx" + z + ".f32", {{one, 2}});
    function(chapter, "ex2.approx" + z + ".f32", {{one, 1}});
    function(chapter, "lg2.approx" + z + ".f32", {{0x3f000000, 3}});
    function(chapter, "sin.approx" + z + ".f32", {{0x3e800000, 4}});
    function(chapter, "cos.approx" + z + ".f32", {{0x3e800000, 4}});
    for (const auto& op : any("div.approx|div.full"))
      lanes(chapter, op + z + ".f32 $d, $a, $b;", "d:r a:f32 b:f32", {.n = 1 << 17, .hash_lanes = 1024});
  }
  (void)two;
  function(chapter, "tanh.approx.f32", {{0x3d800000, 6}});
  for (const auto& op : any("ex2.approx.f16|tanh.approx.f16|ex2.approx.ftz.bf16|tanh.approx.bf16"))
    lanes(chapter, op + " $d, $a;", "d:h a:all16", {.n = 65536, .hash_lanes = 1024});
  for (const auto& op : any("ex2.approx.f16x2|tanh.approx.f16x2|ex2.approx.ftz.bf16x2|tanh.approx.bf16x2"))
    lanes(chapter, op + " $d, $a;", "d:r a:all16x2", {.n = 65536, .hash_lanes = 1024});
  lanes(chapter, "rcp.approx.ftz.f64 $d, $a;", "d:q a:f64", {.n = 1 << 16, .hash_lanes = 1024});
  for (const auto& z : any("|.ftz"))
    lanes(chapter, "rsqrt.approx" + z + ".f64 $d, $a;", "d:q a:f64", {.n = 1 << 16, .hash_lanes = 1024});
}

}  // namespace hw
