// PTX ISA 9.7.3, 9.7.4: functions whose value the ISA only bounds. 16-bit arguments in all their values; 32-bit arguments densely
// where the function is computed (one period of exponents), and hard values everywhere.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "values.h"

namespace hw {
namespace {

// 2^20 arguments: every exponent, 2048 mantissas each with both signs, spread and random.
std::vector<Input> spread(uint64_t seed) {
  Input in{Bytes(size_t(4) << 20), 4};
  for (uint64_t i = 0; i < 1 << 20; ++i) {  // in a mixed order, so that the first lanes show every exponent
    const uint64_t k = i * 0x9e3b1 & 0xfffff, e = k >> 12, sign = k >> 11 & 1, j = k & 2047;
    const uint64_t m = j < 16 ? j : j < 32 ? 0x7fffff - (j - 16) : (j << 12 | (word(seed, k) & 0xfff));
    store(in.bytes, i * 4, sign << 31 | e << 23 | m, 4);
  }
  return {in};
}
// Every `step`-th float from `first` on.
std::vector<Input> dense(uint32_t first, uint32_t step, size_t n) {
  Input in{Bytes(n * 4), 4};
  for (size_t k = 0; k < n; ++k) store(in.bytes, k * 4, first + uint32_t(k * 0x9e3b1 % n) * step, 4);
  return {in};
}
// What the hardware's tables and interpolation give was surveyed over all mantissas of the dense ranges; they are not known
// here, so the virtual SM100 gives the correctly rounded value and may be this far off.
struct Far {
  uint64_t ulp;
  double absolute = 0;      // of max(1, |argument|) where `grows`, else of 1
  bool grows = false;
  const char* measured = "";
};
std::string reason(const Far& f) {
  return std::string("the special function unit interpolates in tables that are not public; correctly rounded here. Surveyed: ") + f.measured;
}
void function(Chapter& chapter, const std::string& op, std::vector<std::pair<uint32_t, unsigned>> ranges, const Far& far) {
  auto add = [&](const std::string& name, size_t n, std::function<std::vector<Input>()> inputs) {
    Lanes o{.n = n, .name = name, .raw_lanes = 4096, .hash_lanes = 2048, .inputs = inputs};
    o.bound = {"f32", far.ulp, far.absolute, reason(far)};
    Case& c = lanes(chapter, op + " $d, $a;", "d:r a:f32", o);
    if (far.absolute != 0)
      c.scale = [inputs, grows = far.grows] {
        std::vector<double> scale;
        const Input in = inputs()[0];
        for (size_t k = 0; k < in.bytes.size(); k += 4) {
          float f;
          std::memcpy(&f, &in.bytes[k], 4);
          scale.push_back(grows ? std::max(1.0, std::fabs(double(f))) : 1.0);
        }
        return scale;
      };
  };
  add(op + " spread", 1 << 20, [s = seed_of(op)] { return spread(s); });
  for (auto [first, octaves] : ranges) {
    const size_t n = size_t(octaves) << 20;
    add(op + " dense from " + std::to_string(first), n, [=] { return dense(first, 8 - 1, n); });
  }
}
}  // namespace

HW_CHAPTER(approx) {
  constexpr uint32_t one = 0x3f800000;
  const Far reciprocal{1, 0, false, "1 ulp, 13 % of all"}, root{1, 0, false, "1 ulp, 17 % of all"}, inverse{2, 0, false, "2 ulp, 22 % of all differ"},
      power{2, 0, false, "2 ulp, 27 to 61 % of all differ"}, logarithm{4, 0x1p-22, false, "absolute 2^-22.15 around 1"},
      wave{2, 0x1p-19, true, "absolute 2^-19.66 for |a| < 8, and with the reduction's error in proportion to |a| beyond"},
      hyperbolic{192, 0, false, "134 ulp (relative 2^-16.46)"};
  for (const auto& z : any("|.ftz")) {
    function(chapter, "rcp.approx" + z + ".f32", {{one, 1}}, reciprocal);
    function(chapter, "rsqrt.approx" + z + ".f32", {{one, 2}}, inverse);
    function(chapter, "sqrt.approx" + z + ".f32", {{one, 2}}, root);
    function(chapter, "ex2.approx" + z + ".f32", {{one, 1}}, power);
    function(chapter, "lg2.approx" + z + ".f32", {{0x3f000000, 3}}, logarithm);
    function(chapter, "sin.approx" + z + ".f32", {{0x3e800000, 4}}, wave);
    function(chapter, "cos.approx" + z + ".f32", {{0x3e800000, 4}}, wave);
    for (const auto& op : any("div.approx|div.full"))
      lanes(chapter, op + z + ".f32 $d, $a, $b;", "d:r a:f32 b:f32",
            {.n = 1 << 17, .bound = {"f32", 2, 0, reason({2, 0, false, "a * rcp(b), 2 ulp"})}, .raw_lanes = 4096, .hash_lanes = 1024});
  }
  function(chapter, "tanh.approx.f32", {{0x3d800000, 6}}, hyperbolic);
  for (const auto& op : any("ex2.approx.f16|tanh.approx.f16|ex2.approx.ftz.bf16|tanh.approx.bf16"))
    for (const auto& x : any("|x2")) {
      const std::string type = op.find("bf16") == std::string::npos ? "f16" : "bf16";
      lanes(chapter, op + x + " $d, $a;", x.empty() ? "d:h a:mix16" : "d:r a:mix16x2",
            {.n = 65536, .bound = {type, 1, 0, reason({1, 0, false, "1 ulp of the result"})}, .raw_lanes = 8192, .hash_lanes = 1024});
    }
  for (const auto& op : any("rcp.approx.ftz.f64|rsqrt.approx.f64|rsqrt.approx.ftz.f64"))
    lanes(chapter, op + " $d, $a;", "d:q a:f64",
          {.n = 1 << 16, .bound = {"f64", uint64_t(1) << 32, 0, reason({1, 0, false, "1 step of the upper word"})}, .raw_lanes = 4096, .hash_lanes = 1024});
}

}  // namespace hw
