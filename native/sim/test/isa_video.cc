// Video instructions against their definitions, part by part, in wide integers. What an H200 does apart from the ISA's text
// (.sat beyond u32 and of parts, .h1 of a scalar's destination) is marked so, and held by fixtures/hw/h200/video too.
#include <algorithm>

#include "isa_row.h"

namespace sim::isa_test {
namespace {

int64_t part(uint32_t v, unsigned at, unsigned bits, bool is_signed) {
  const uint64_t field = uint64_t(v) >> at & ((uint64_t(1) << bits) - 1);
  return is_signed && field >> (bits - 1) ? int64_t(field) - (int64_t(1) << bits) : int64_t(field);
}
int64_t operate(const std::string& op, int64_t a, int64_t b) {
  if (op == "vadd") return a + b;
  if (op == "vsub") return a - b;
  if (op == "vabsdiff") return std::max(a - b, b - a);
  if (op == "vmin") return std::min(a, b);
  if (op == "vmax") return std::max(a, b);
  const int64_t twice = a + b;  // vavrg: halves away from zero
  return twice >= 0 ? (twice + 1) / 2 : -((1 - twice) / 2);
}
bool compares(const std::string& how, int64_t a, int64_t b) {
  return how == "eq" ? a == b : how == "ne" ? a != b : how == "lt" ? a < b : how == "le" ? a <= b : how == "gt" ? a > b : a >= b;
}
const char* const COMPARISONS[] = {"eq", "ne", "lt", "le", "gt", "ge"};
std::string type(bool is_signed) { return is_signed ? ".s32" : ".u32"; }
template <class F>
void each_type(F f) {
  for (unsigned k = 0; k < 8; ++k) f(k & 1, k >> 1 & 1, k >> 2 & 1);
}
void check(const std::string& text, bool with_c, const Want& want) {
  std::vector<const char*> sources = {"r1", "r2"};
  if (with_c) sources.push_back("r3");
  check_row(text, "r0", sources, 12, random_values({32, 32, 32}, 5), want);
}

SIM_TEST(video_scalar) {
  for (const std::string op : {"vadd", "vsub", "vabsdiff", "vmin", "vmax"})
    each_type([&](bool d, bool a, bool b) {
      for (bool sat : {false, true}) {
        const std::string name = op + type(d) + type(a) + type(b) + (sat ? ".sat" : "");
        // before it is cut to 32 bits
        auto whole = [=](const uint64_t* s) {
          const int64_t r = operate(op, part(uint32_t(s[0]), 0, 32, a), part(uint32_t(s[1]), 0, 32, b));
          if (!sat) return r;
          // an H200 clamps u32 at zero only
          return d ? std::min<int64_t>(INT32_MAX, std::max<int64_t>(INT32_MIN, r)) : std::max<int64_t>(0, r);
        };
        check(name + " %r0, %r1, %r2", false, [=](const uint64_t* s) -> uint64_t { return uint32_t(whole(s)); });
        check(name + ".add %r0, %r1, %r2, %r3", true, [=](const uint64_t* s) -> uint64_t { return uint32_t(whole(s) + int64_t(s[2])); });
        for (bool least : {false, true})
          check(name + (least ? ".min" : ".max") + " %r0, %r1, %r2, %r3", true, [=](const uint64_t* s) -> uint64_t {
            // an H200 compares sums of 32 bits, other results whole, and with u32 takes a negative one for the greatest
            const int64_t r = op == "vadd" || op == "vsub" ? int64_t(int32_t(whole(s))) : whole(s),
                          c = d ? int64_t(int32_t(s[2])) : int64_t(s[2]);
            const bool less = d || r >= 0 ? r < c : false;
            return less == least ? uint32_t(r) : s[2];
          });
      }
    });
}
SIM_TEST(video_scalar_parts) {
  struct Part {
    const char* name;
    unsigned at, bits;
  };
  for (const Part& p :
       {Part{".b0", 0, 8}, Part{".b1", 8, 8}, Part{".b2", 16, 8}, Part{".b3", 24, 8}, Part{".h0", 0, 16}, Part{".h1", 16, 16}}) {
    const std::string n = p.name;
    check("vsub.s32.s32.u32 %r0, %r1" + n + ", %r2", false,
          [=](const uint64_t* s) -> uint64_t { return uint32_t(part(uint32_t(s[0]), p.at, p.bits, true) - int64_t(s[1])); });
    check("vadd.u32.u32.s32 %r0, %r1, %r2" + n, false,
          [=](const uint64_t* s) -> uint64_t { return uint32_t(int64_t(s[0]) + part(uint32_t(s[1]), p.at, p.bits, true)); });
    check("vabsdiff.s32.s32.s32 %r0" + n + ", %r1, %r2, %r3", true, [=](const uint64_t* s) {
      const uint64_t field = ((uint64_t(1) << p.bits) - 1) << p.at, d = uint64_t(std::abs(int64_t(int32_t(s[0])) - int32_t(s[1])));
      // an H200 takes the upper half for .h1 where it is
      return (s[2] & ~field) | ((n == ".h1" ? d : d << p.at) & field);
    });
    check("vadd.s32.s32.s32.sat %r0" + n + ", %r1, %r2, %r3", true, [=](const uint64_t* s) {
      // an H200 clamps a part without sign
      const uint64_t d = std::min<uint64_t>(uint32_t(s[0] + s[1]), (uint64_t(1) << (p.bits - 1)) - 1), field = ((uint64_t(1) << p.bits) - 1)
                                                                                                               << p.at;
      return (s[2] & ~field) | ((n == ".h1" ? d : d << p.at) & field);
    });
  }
}
SIM_TEST(video_shifts) {
  for (const char* mode : {"clamp", "wrap"})
    each_type([&](bool d, bool a, bool) {
      auto rng = std::make_shared<std::mt19937_64>(7);
      Values gen = [=](unsigned s, unsigned, unsigned) -> uint64_t { return s == 1 ? (*rng)() % 40 : hard_bits(*rng, 32); };
      const bool wrap = *mode == 'w';
      auto amount = [=](uint64_t b) { return unsigned(wrap ? b % 32 : std::min<uint64_t>(b, 32)); };
      check_row("vshl" + type(d) + type(a) + ".u32." + mode + " %r0, %r1, %r2", "r0", {"r1", "r2"}, 12, gen,
                [=](const uint64_t* s) -> uint64_t { return uint32_t(s[0] << amount(s[1])); });
      check_row("vshr" + type(d) + type(a) + ".u32." + mode + " %r0, %r1, %r2", "r0", {"r1", "r2"}, 12, gen,
                [=](const uint64_t* s) -> uint64_t {
                  return uint32_t(a ? int64_t(int32_t(s[0])) >> amount(s[1]) : int64_t(s[0] >> amount(s[1])));
                });
    });
}
SIM_TEST(video_mad) {
  each_type([&](bool d, bool a, bool b) {
    check("vmad" + type(d) + type(a) + type(b) + " %r0, %r1, %r2, %r3", true,
          [](const uint64_t* s) -> uint64_t { return uint32_t(s[0] * s[1] + s[2]); });
    check("vmad" + type(d) + type(a) + type(b) + " %r0, %r1.h1, %r2.b2, %r3", true, [=](const uint64_t* s) -> uint64_t {
      return uint32_t(part(uint32_t(s[0]), 16, 16, a) * part(uint32_t(s[1]), 16, 8, b) + int64_t(s[2]));
    });
  });
  check("vmad.s32.s32.s32 %r0, -%r1, %r2, %r3", true, [](const uint64_t* s) -> uint64_t { return uint32_t(s[2] - s[0] * s[1]); });
  check("vmad.s32.s32.s32 %r0, %r1, %r2, -%r3", true, [](const uint64_t* s) -> uint64_t { return uint32_t(s[0] * s[1] - s[2]); });
  check("vmad.s32.s32.s32.po %r0, %r1, %r2, %r3", true, [](const uint64_t* s) -> uint64_t { return uint32_t(s[0] * s[1] + s[2] + 1); });
  for (unsigned by : {7u, 15u})
    check("vmad.s32.s32.s32.shr" + std::to_string(by) + " %r0, %r1, %r2, %r3", true,
          [=](const uint64_t* s) -> uint64_t { return uint32_t((int64_t(int32_t(s[0])) * int32_t(s[1]) + int32_t(s[2])) >> by); });
}
SIM_TEST(video_set) {
  for (const char* how : COMPARISONS)
    each_type([&](bool a, bool b, bool) {
      const std::string name = "vset" + type(a) + type(b) + "." + how;
      auto result = [=](const uint64_t* s) { return compares(how, part(uint32_t(s[0]), 0, 32, a), part(uint32_t(s[1]), 0, 32, b)); };
      check(name + " %r0, %r1, %r2", false, [=](const uint64_t* s) -> uint64_t { return result(s); });
      check(name + ".add %r0, %r1, %r2, %r3", true, [=](const uint64_t* s) -> uint64_t { return uint32_t(result(s) + s[2]); });
    });
}

// Halves and bytes: default, chosen and crossed lanes, and masks.
struct Simd {
  std::string a, b, mask;  // selectors, most significant lane first, as in the text
};
void simd_case(const std::string& name, unsigned n, const Simd& how, bool adds, const std::function<int64_t(int64_t, int64_t)>& f,
               bool a_signed, bool b_signed, const std::function<int64_t(int64_t)>& clamp) {
  const unsigned bits = 32 / n;
  const std::string letter = n == 2 ? ".h" : ".b";
  auto chosen = [=](const std::string& selector, unsigned lane, unsigned other) {
    return selector.empty() ? lane + other : unsigned(selector[n - 1 - lane] - '0');
  };
  auto written = [&](const std::string& s) { return s.empty() ? "" : letter + s; };
  check(name + " %r0" + written(how.mask) + ", %r1" + written(how.a) + ", %r2" + written(how.b) + ", %r3", true,
        [=](const uint64_t* s) -> uint64_t {
          uint32_t d = uint32_t(s[2]);
          for (unsigned lane = 0; lane < n; ++lane) {
            if (!how.mask.empty() && how.mask.find(char('0' + lane)) == std::string::npos) continue;
            auto value = [&](unsigned which, bool is_signed) {
              return part(uint32_t(which < n ? s[0] : s[1]), which % n * bits, bits, is_signed);
            };
            const int64_t r = clamp(f(value(chosen(how.a, lane, 0), a_signed), value(chosen(how.b, lane, n), b_signed)));
            const uint32_t field = ((1u << bits) - 1) << lane * bits;
            d = adds ? d + uint32_t(r) : (d & ~field) | (uint32_t(r) << lane * bits & field);
          }
          return d;
        });
}
SIM_TEST(video_simd) {
  for (unsigned n : {2u, 4u}) {
    const std::vector<Simd> hows = n == 2 ? std::vector<Simd>{{"", "", ""}, {"01", "21", ""}, {"33", "", "1"}, {"", "00", "0"}}
                                          : std::vector<Simd>{{"", "", ""}, {"0123", "7531", ""}, {"4040", "", "2"}, {"", "3217", "310"}};
    each_type([&](bool d, bool a, bool b) {
      const std::string types = type(d) + type(a) + type(b);
      const int64_t high = (int64_t(1) << (32 / n - d)) - 1, low = d ? -high - 1 : 0;
      for (const Simd& how : hows)
        for (const std::string op : {"vadd", "vsub", "vabsdiff", "vmin", "vmax", "vavrg"}) {
          auto f = [=](int64_t x, int64_t y) { return operate(op, x, y); };
          const std::string name = op + std::to_string(n) + types;
          simd_case(name, n, how, false, f, a, b, [](int64_t r) { return r; });
          simd_case(name + ".add", n, how, true, f, a, b, [](int64_t r) { return r; });
          simd_case(name + ".sat", n, how, false, f, a, b, [=](int64_t r) { return std::min(high, std::max(low, r)); });
        }
    });
    for (const char* c : COMPARISONS)
      each_type([&](bool a, bool b, bool adds) {
        simd_case(
            "vset" + std::to_string(n) + type(a) + type(b) + "." + c + (adds ? ".add" : ""), n, hows[adds], adds,
            [=](int64_t x, int64_t y) { return int64_t(compares(c, x, y)); }, a, b, [](int64_t r) { return r; });
      });
  }
}

}  // namespace
}  // namespace sim::isa_test
