// PTX ISA 9.7.9 cvt: every pair of types and every rounding; 16-bit sources in all their values.
#include "values.h"

namespace hw {
namespace {
bool is_float(const std::string& t) { return t[0] == 'f' || t[0] == 'b'; }
std::string kind(const std::string& t) { return is_float(t) ? t : "i" + t.substr(1); }
unsigned width(const std::string& t) { return unsigned(std::stoi(t.substr(t[0] == 'b' ? 2 : 1))); }
// Registers are at least as wide as the type; 8-bit values sit in 16-bit registers and come back whole.
std::string container(const std::string& t) { return width(t) <= 16 ? "h" : width(t) == 32 ? "r" : "q"; }

void convert(Chapter& chapter, const std::string& words, const std::string& d, const std::string& s) {
  std::string from = kind(s);
  size_t n = 4096;
  if (width(s) == 16) from = "all16", n = 65536;
  if (width(s) == 8) from = "all16", n = 1024;
  lanes(chapter, "cvt" + words + "." + d + "." + s + " $d, $a;", "d:" + container(d) + " a:" + from,
        {.n = n, .hash_lanes = n > 4096 ? 1024u : 64u});
}
}  // namespace

HW_CHAPTER(convert) {
  const auto ints = any("u8|s8|u16|s16|u32|s32|u64|s64"), floats = any("f16|bf16|f32|f64");
  for (const auto& d : ints)
    for (const auto& s : ints)
      for (const auto& sat : any("|.sat")) {
        // ptxas takes .sat only where a value can be out of range
        const bool wider = d[0] == s[0] ? width(d) >= width(s) : d[0] == 's' && width(d) > width(s);
        if (sat.empty() || !wider) convert(chapter, sat, d, s);
      }
  for (const auto& d : ints)
    for (const auto& s : floats)
      for (const auto& m : any("rni|rzi|rmi|rpi"))
        for (const auto& z : s == "f32" ? any("|.ftz") : any(""))
          for (const auto& sat : s == "bf16" ? any("") : any("|.sat"))
            if (s != "bf16" || width(d) > 8) convert(chapter, "." + m + z + sat, d, s);
  for (const auto& d : floats)
    for (const auto& s : ints)
      for (const auto& m : any("rn|rz|rm|rp"))
        for (const auto& sat : d == "bf16" ? any("") : any("|.sat"))
          if (d != "bf16" || width(s) > 8) convert(chapter, "." + m + sat, d, s);
  for (const auto& d : floats)
    for (const auto& s : floats) {
      if (width(d) < width(s) || (width(d) == 16 && d != s)) {
        for (const auto& m : any("rn|rz|rm|rp"))
          for (const auto& z : d == "f32" || (s == "f32" && d == "f16") ? any("|.ftz") : any(""))
            for (const auto& sat : d == "bf16" || s == "bf16" ? any("") : any("|.sat")) convert(chapter, "." + m + z + sat, d, s);
      } else {
        for (const auto& m : d == s && d != "bf16" ? any("|.rni|.rzi|.rmi|.rpi") : any(""))
          for (const auto& z : d == "f32" || s == "f32" ? any("|.ftz") : any(""))
            for (const auto& sat : d == "bf16" || s == "bf16" ? any("") : any("|.sat")) convert(chapter, m + z + sat, d, s);
      }
    }
}

HW_CHAPTER(convert_packed) {
  auto one = [&](const std::string& op, const std::string& d, const std::string& a, size_t n = 8192) {
    lanes(chapter, op + " $d, $a;", "d:" + d + " a:" + a, {.n = n, .hash_lanes = 512});
  };
  auto two = [&](const std::string& op, const std::string& d, const std::string& a) {
    lanes(chapter, op + " $d, $a, $b;", "d:" + d + " a:" + a + " b:" + a, {.n = 16384, .hash_lanes = 512});
  };
  for (const auto& t : any("f16|bf16"))
    for (const auto& m : any("rn|rz"))
      for (const auto& r : any("|.relu")) {
        one("cvt." + m + r + "." + t + ".f32", "h", "f32");
        two("cvt." + m + r + "." + t + "x2.f32", "r", "f32");
        one("cvt." + m + r + ".satfinite." + t + ".f32", "h", "f32");
        two("cvt." + m + r + ".satfinite." + t + "x2.f32", "r", "f32");
      }
  for (const auto& m : any("rna|rn|rz|rn.relu|rz.relu|rna.satfinite"))
    one("cvt." + m + ".tf32.f32", "r", "f32");
  for (const auto& e : any("e4m3|e5m2"))
    for (const auto& r : any("|.relu")) {
      two("cvt.rn.satfinite" + r + "." + e + "x2.f32", "h", "f32");
      lanes(chapter, "cvt.rn.satfinite" + r + "." + e + "x2.f16x2 $d, $a;", "d:h a:all16x2", {.n = 65536, .hash_lanes = 1024});
      one("cvt.rn" + r + ".f16x2." + e + "x2", "r", "all16", 65536);
    }
}

}  // namespace hw
