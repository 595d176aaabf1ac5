// Integer arithmetic, carry chains, logic and shifts against __int128 and bit-by-bit definitions.
#include "isa_row.h"

namespace sim::isa_test {
namespace {

using i128 = __int128;
using u128 = unsigned __int128;

struct T {
  const char* name;
  unsigned bits;
  bool is_signed;
};
constexpr T ALL_TYPES[] = {{"u16", 16, false}, {"u32", 32, false}, {"u64", 64, false},
                           {"s16", 16, true},  {"s32", 32, true},  {"s64", 64, true}};

i128 value(T t, uint64_t v) {
  if (!t.is_signed) return t.bits == 64 ? i128(v) : i128(v & ((uint64_t(1) << t.bits) - 1));
  return i128(int64_t(v << (64 - t.bits)) >> (64 - t.bits));
}
uint64_t cut(unsigned bits, i128 v) {
  return bits == 64 ? uint64_t(v) : uint64_t(v) & ((uint64_t(1) << bits) - 1);
}
char reg(unsigned bits) { return bits == 16 ? 'h' : bits == 32 ? 'r' : 'q'; }

// name.type d, a, b[, c] with value semantics over i128; dst_bits = 0: the type's
void over_types(const std::string& name, unsigned n, std::function<i128(T, const i128*)> f,
                std::function<bool(T)> when, unsigned widen = 1) {
  for (T t : ALL_TYPES) {
    if (!when(t)) continue;
    const unsigned dst = t.bits * widen;
    std::string text = name + "." + t.name + " %" + reg(dst) + "0";
    std::vector<std::string> names;
    std::vector<unsigned> widths;
    for (unsigned k = 1; k <= n; ++k) {
      const unsigned bits = k == 3 ? dst : t.bits;
      names.push_back(std::string(1, reg(bits)) + std::to_string(k));
      text += ", %" + names.back();
      widths.push_back(bits);
    }
    std::vector<const char*> src;
    for (auto& s : names) src.push_back(s.c_str());
    const std::string d = std::string(1, reg(dst)) + "0";
    check_row(text, d.c_str(), src, 400, random_values(widths, 11), [&](const uint64_t* s) {
      i128 v[3];
      for (unsigned k = 0; k < n; ++k) v[k] = value(k == 2 ? T{"", dst, t.is_signed} : t, s[k]);
      return cut(dst, f(t, v));
    });
  }
}
bool any(T) { return true; }
bool only_signed(T t) { return t.is_signed; }
bool narrow(T t) { return t.bits < 64; }
i128 clamp32(i128 v) { return v < INT32_MIN ? INT32_MIN : v > INT32_MAX ? INT32_MAX : v; }

SIM_TEST(add_sub) {
  over_types("add", 2, [](T, const i128* v) { return v[0] + v[1]; }, any);
  over_types("sub", 2, [](T, const i128* v) { return v[0] - v[1]; }, any);
  auto s32 = [](T t) { return t.is_signed && t.bits == 32; };
  over_types("add.sat", 2, [](T, const i128* v) { return clamp32(v[0] + v[1]); }, s32);
  over_types("sub.sat", 2, [](T, const i128* v) { return clamp32(v[0] - v[1]); }, s32);
}
SIM_TEST(mul_mad) {
  over_types("mul.lo", 2, [](T, const i128* v) { return i128(u128(v[0]) * u128(v[1])); }, any);
  over_types(
      "mul.hi", 2,
      [](T t, const i128* v) {
        return t.is_signed ? (v[0] * v[1]) >> t.bits : i128((u128(v[0]) * u128(v[1])) >> t.bits);
      },
      any);
  over_types("mul.wide", 2, [](T, const i128* v) { return v[0] * v[1]; }, narrow, 2);
  over_types("mad.lo", 3, [](T, const i128* v) { return i128(u128(v[0]) * u128(v[1]) + u128(v[2])); }, any);
  over_types(
      "mad.hi", 3,
      [](T t, const i128* v) {
        return (t.is_signed ? (v[0] * v[1]) >> t.bits : i128((u128(v[0]) * u128(v[1])) >> t.bits)) + v[2];
      },
      any);
  over_types("mad.wide", 3, [](T, const i128* v) { return v[0] * v[1] + v[2]; }, narrow, 2);
  over_types(
      "mad.hi.sat", 3, [](T, const i128* v) { return clamp32(((v[0] * v[1]) >> 32) + v[2]); },
      [](T t) { return t.is_signed && t.bits == 32; });
}
SIM_TEST(mul24_mad24) {
  auto w32 = [](T t) { return t.bits == 32; };
  auto low24 = [](T t, i128 v) {
    return t.is_signed ? i128(int32_t(uint32_t(v) << 8) >> 8) : i128(uint32_t(v) & 0xffffff);
  };
  over_types("mul24.lo", 2, [=](T t, const i128* v) { return low24(t, v[0]) * low24(t, v[1]); }, w32);
  over_types("mul24.hi", 2, [=](T t, const i128* v) { return (low24(t, v[0]) * low24(t, v[1])) >> 16; }, w32);
  over_types("mad24.lo", 3, [=](T t, const i128* v) { return low24(t, v[0]) * low24(t, v[1]) + v[2]; }, w32);
  over_types(
      "mad24.hi", 3, [=](T t, const i128* v) { return ((low24(t, v[0]) * low24(t, v[1])) >> 16) + v[2]; },
      w32);
  over_types(
      "mad24.hi.sat", 3,
      [=](T t, const i128* v) { return clamp32(((low24(t, v[0]) * low24(t, v[1])) >> 16) + v[2]); },
      [](T t) { return t.is_signed && t.bits == 32; });
}
SIM_TEST(div_rem) {  // zero divisors: all ones twice, as an H200 answers (fixtures/hw/h200)
  over_types("div", 2, [](T, const i128* v) { return v[1] == 0 ? i128(-1) : v[0] / v[1]; }, any);
  over_types("rem", 2, [](T, const i128* v) { return v[1] == 0 ? i128(-1) : v[0] % v[1]; }, any);
}
SIM_TEST(abs_neg_min_max_sad) {
  over_types("abs", 1, [](T, const i128* v) { return v[0] < 0 ? -v[0] : v[0]; }, only_signed);
  over_types("neg", 1, [](T, const i128* v) { return -v[0]; }, only_signed);
  over_types("min", 2, [](T, const i128* v) { return v[0] < v[1] ? v[0] : v[1]; }, any);
  over_types("max", 2, [](T, const i128* v) { return v[0] < v[1] ? v[1] : v[0]; }, any);
  auto s32 = [](T t) { return t.is_signed && t.bits == 32; };
  over_types(
      "min.relu", 2,
      [](T, const i128* v) {
        i128 m = v[0] < v[1] ? v[0] : v[1];
        return m < 0 ? 0 : m;
      },
      s32);
  over_types(
      "max.relu", 2,
      [](T, const i128* v) {
        i128 m = v[0] < v[1] ? v[1] : v[0];
        return m < 0 ? 0 : m;
      },
      s32);
  over_types(
      "sad", 3, [](T, const i128* v) { return v[2] + (v[0] < v[1] ? v[1] - v[0] : v[0] - v[1]); }, any);
}
SIM_TEST(packed_16x2) {
  auto halves = [](auto f) {
    return [f](const uint64_t* s) {
      uint64_t r = 0;
      for (int k = 0; k < 32; k += 16)
        r |= uint64_t(uint16_t(f(int(int16_t(s[0] >> k)), int(int16_t(s[1] >> k)), uint16_t(s[0] >> k),
                                 uint16_t(s[1] >> k))))
             << k;
      return r;
    };
  };
  auto check = [](const char* op, Want want) {
    check_row(std::string(op) + " %r0, %r1, %r2", "r0", {"r1", "r2"}, 200, random_values({32, 32}, 3), want);
  };
  check("add.u16x2", halves([](int, int, unsigned a, unsigned b) { return a + b; }));
  check("add.s16x2", halves([](int a, int b, unsigned, unsigned) { return a + b; }));
  check("min.u16x2", halves([](int, int, unsigned a, unsigned b) { return a < b ? a : b; }));
  check("max.s16x2", halves([](int a, int b, unsigned, unsigned) { return a > b ? a : b; }));
  check("min.s16x2.relu",
        halves([](int a, int b, unsigned, unsigned) { return std::max(0, std::min(a, b)); }));
  check("max.relu.s16x2",
        halves([](int a, int b, unsigned, unsigned) { return std::max(0, std::max(a, b)); }));
}

SIM_TEST(counting) {
  auto check = [](const std::string& op, unsigned bits, Want want) {
    const std::string a = bits == 64 ? "q1" : "r1";
    check_row(op + " %r0, %" + a, "r0", {a.c_str()}, 300, random_values({bits}, 5), want);
  };
  for (unsigned bits : {32u, 64u}) {
    const std::string b = std::to_string(bits);
    auto bit = [](uint64_t v, int k) { return v >> k & 1; };
    check("popc.b" + b, bits, [=](const uint64_t* s) {
      uint64_t n = 0;
      for (unsigned k = 0; k < bits; ++k) n += bit(s[0], int(k));
      return n;
    });
    check("clz.b" + b, bits, [=](const uint64_t* s) {
      uint64_t n = 0;
      for (int k = int(bits) - 1; k >= 0 && !bit(s[0], k); --k) ++n;
      return n;
    });
    for (bool is_signed : {false, true})
      for (bool shift : {false, true})
        check(std::string("bfind") + (shift ? ".shiftamt" : "") + (is_signed ? ".s" : ".u") + b, bits,
              [=](const uint64_t* s) {
                const uint64_t sign = is_signed ? bit(s[0], int(bits) - 1) : 0;
                for (int k = int(bits) - 1; k >= 0; --k)
                  if (bit(s[0], k) != sign) return uint64_t(shift ? int(bits) - 1 - k : k);
                return uint64_t(0xffffffff);
              });
    const std::string d = bits == 64 ? "q0" : "r0", a = bits == 64 ? "q1" : "r1";
    check_row("brev.b" + b + " %" + d + ", %" + a, d.c_str(), {a.c_str()}, 200, random_values({bits}, 6),
              [=](const uint64_t* s) {
                uint64_t r = 0;
                for (unsigned k = 0; k < bits; ++k) r |= bit(s[0], int(k)) << (bits - 1 - k);
                return r;
              });
  }
}
SIM_TEST(fields) {
  for (T t : {T{"u32", 32, false}, T{"s32", 32, true}, T{"u64", 64, false}, T{"s64", 64, true}}) {
    const std::string c(1, reg(t.bits));
    std::mt19937_64 rng(9);
    auto gen = [&](unsigned s, unsigned, unsigned) -> uint64_t {
      return s == 0 ? hard_bits(rng, t.bits) : s == 1 ? rng() % 80 : rng() % 90;
    };
    check_row(std::string("bfe.") + t.name + " %" + c + "0, %" + c + "1, %r2, %r3", (c + "0").c_str(),
              {(c + "1").c_str(), "r2", "r3"}, 600, gen,
              [&](const uint64_t* s) {  // the ISA's own loop
                const int msb = int(t.bits) - 1, pos = int(s[1] & 0xff), len = int(s[2] & 0xff);
                const uint64_t sbit = !t.is_signed || len == 0 ? 0 : s[0] >> std::min(pos + len - 1, msb) & 1;
                uint64_t d = 0;
                for (int i = 0; i <= msb; ++i)
                  d |= ((i < len && pos + i <= msb) ? s[0] >> (pos + i) & 1 : sbit) << i;
                return d;
              });
    if (t.is_signed) continue;
    check_row(
        "bfi.b" + std::to_string(t.bits) + " %" + c + "0, %" + c + "1, %" + c + "2, %r3, %r4",
        (c + "0").c_str(), {(c + "1").c_str(), (c + "2").c_str(), "r3", "r4"}, 400,
        [&](unsigned s, unsigned, unsigned) -> uint64_t {
          return s < 2 ? hard_bits(rng, t.bits) : rng() % 80;
        },
        [&](const uint64_t* s) {
          uint64_t d = s[1];
          const int pos = int(s[2] & 0xff), len = int(s[3] & 0xff);
          for (int i = 0; i < len && pos + i < int(t.bits); ++i)
            d = (d & ~(uint64_t(1) << (pos + i))) | (s[0] >> i & 1) << (pos + i);
          return d;
        });
  }
  std::mt19937_64 rng(4);
  Values small = [&](unsigned, unsigned, unsigned) -> uint64_t { return rng() % 70; };
  for (bool clamp : {false, true})
    check_row(std::string("bmsk.") + (clamp ? "clamp" : "wrap") + ".b32 %r0, %r1, %r2", "r0", {"r1", "r2"},
              200, small, [=](const uint64_t* s) {
                const uint64_t a = s[0] & 31, b = s[1] & 31;
                uint64_t mask0 = 0xffffffffull << a & 0xffffffff,
                         mask1 = (a + b >= 32 ? 0 : 0xffffffffull << (a + b)) & 0xffffffff;
                const bool pos = clamp && s[0] >= 32, width = clamp && s[1] >= 32;
                if (pos) mask0 = 0;
                if (a + b >= 32 || pos || width)
                  mask1 = 0;
                else if (b == 0)
                  mask1 = 0xffffffff;
                return mask0 & ~mask1;
              });
  for (T t : {T{"u32", 32, false}, T{"s32", 32, true}})
    for (bool clamp : {false, true})
      check_row(
          std::string("szext.") + (clamp ? "clamp." : "wrap.") + t.name + " %r0, %r1, %r2", "r0",
          {"r1", "r2"}, 200,
          [&](unsigned s, unsigned, unsigned) -> uint64_t { return s ? rng() % 70 : hard_bits(rng, 32); },
          [=](const uint64_t* s) {
            const uint64_t b = s[1] & 31;
            const bool large = s[1] >= 32 && clamp;
            const uint64_t mask = (large ? 0 : 0xffffffffull << b) & 0xffffffff;
            const bool sign = !(b == 0 || large || !t.is_signed) && (s[0] >> ((b - 1) & 31) & 1);
            return (s[0] & ~mask & 0xffffffff) | (sign ? mask : 0);
          });
  check_row(
      "fns.b32 %r0, %r1, %r2, %r3", "r0", {"r1", "r2", "r3"}, 300,
      [&](unsigned s, unsigned, unsigned) -> uint64_t {
        return s == 0 ? hard_bits(rng, 32) : s == 1 ? rng() % 32 : uint32_t(int(rng() % 12) - 6);
      },
      [](const uint64_t* s) -> uint64_t {
        const int offset = int32_t(s[2]), base = int(s[1]);
        if (offset == 0) return s[0] >> base & 1 ? uint64_t(base) : 0xffffffff;
        int count = std::abs(offset) - 1;
        for (int pos = base; pos >= 0 && pos < 32; pos += offset > 0 ? 1 : -1)
          if (s[0] >> pos & 1 && count-- == 0) return uint64_t(pos);
        return 0xffffffff;
      });
}
SIM_TEST(dot_products) {
  for (bool sa : {false, true})
    for (bool sb : {false, true}) {
      const std::string types = std::string(sa ? ".s32" : ".u32") + (sb ? ".s32" : ".u32");
      auto byte = [](bool sign, uint64_t v, int k) {
        return sign ? int64_t(int8_t(v >> 8 * k)) : int64_t(uint8_t(v >> 8 * k));
      };
      auto half = [](bool sign, uint64_t v, int k) {
        return sign ? int64_t(int16_t(v >> 16 * k)) : int64_t(uint16_t(v >> 16 * k));
      };
      check_row("dp4a" + types + " %r0, %r1, %r2, %r3", "r0", {"r1", "r2", "r3"}, 200,
                random_values({32, 32, 32}, 8), [=](const uint64_t* s) {
                  int64_t d = int64_t(s[2]);
                  for (int k = 0; k < 4; ++k) d += byte(sa, s[0], k) * byte(sb, s[1], k);
                  return uint64_t(uint32_t(d));
                });
      for (int hi : {0, 1})
        check_row(std::string("dp2a.") + (hi ? "hi" : "lo") + types + " %r0, %r1, %r2, %r3", "r0",
                  {"r1", "r2", "r3"}, 200, random_values({32, 32, 32}, 8), [=](const uint64_t* s) {
                    int64_t d = int64_t(s[2]);
                    for (int k = 0; k < 2; ++k) d += half(sa, s[0], k) * byte(sb, s[1], k + 2 * hi);
                    return uint64_t(uint32_t(d));
                  });
    }
}

// 256-bit addition, subtraction and 128-bit multiplication from carry chains
SIM_TEST(carry_chain) {
  std::mt19937_64 rng(21);
  Registers regs;
  for (int round = 0; round < 200; ++round) {
    u128 a[LANES], b[LANES];
    for (unsigned l = 0; l < LANES; ++l) {
      a[l] = u128(hard_bits(rng, 64)) << 64 | hard_bits(rng, 64),
      b[l] = u128(hard_bits(rng, 64)) << 64 | hard_bits(rng, 64);
      for (unsigned k = 0; k < 4; ++k)
        regs.r(4 + k)[l] = uint32_t(a[l] >> 32 * k), regs.r(8 + k)[l] = uint32_t(b[l] >> 32 * k);
      regs.q(1)[l] = uint64_t(a[l]), regs.q(2)[l] = uint64_t(a[l] >> 64), regs.q(3)[l] = uint64_t(b[l]),
      regs.q(4)[l] = uint64_t(b[l] >> 64);
    }
    auto run = [&](std::initializer_list<const char*> texts) {
      for (const char* t : texts) Prepared(t).run(regs);
    };
    run({"add.cc.u32 %r0, %r4, %r8", "addc.cc.u32 %r1, %r5, %r9", "addc.cc.u32 %r2, %r6, %r10",
         "addc.u32 %r3, %r7, %r11"});
    for (unsigned l = 0; l < LANES; ++l)
      for (unsigned k = 0; k < 4; ++k) EXPECT(regs.r(k)[l] == uint32_t((a[l] + b[l]) >> 32 * k));
    run({"sub.cc.u32 %r0, %r4, %r8", "subc.cc.u32 %r1, %r5, %r9", "subc.cc.u32 %r2, %r6, %r10",
         "subc.u32 %r3, %r7, %r11"});
    for (unsigned l = 0; l < LANES; ++l)
      for (unsigned k = 0; k < 4; ++k) EXPECT(regs.r(k)[l] == uint32_t((a[l] - b[l]) >> 32 * k));
    run({"add.cc.u64 %q5, %q1, %q3", "addc.u64 %q6, %q2, %q4"});
    for (unsigned l = 0; l < LANES; ++l) EXPECT((u128(regs.q(6)[l]) << 64 | regs.q(5)[l]) == a[l] + b[l]);
    // 64 x 64 -> 128 from 32-bit pieces
    run({"mul.lo.u32 %r0, %r4, %r8", "mul.hi.u32 %r1, %r4, %r8", "mad.lo.cc.u32 %r1, %r5, %r8, %r1",
         "madc.hi.u32 %r2, %r5, %r8, 0", "mad.lo.cc.u32 %r1, %r4, %r9, %r1",
         "madc.hi.cc.u32 %r2, %r4, %r9, %r2", "addc.u32 %r3, 0, 0", "mad.lo.cc.u32 %r2, %r5, %r9, %r2",
         "madc.hi.u32 %r3, %r5, %r9, %r3"});
    for (unsigned l = 0; l < LANES; ++l) {
      const u128 p = u128(uint64_t(a[l])) * uint64_t(b[l]);
      for (unsigned k = 0; k < 4; ++k) EXPECT(regs.r(k)[l] == uint32_t(p >> 32 * k));
    }
  }
}

SIM_TEST(logic_shift) {
  for (unsigned bits : {16u, 32u, 64u}) {
    const std::string c(1, reg(bits)), b = std::to_string(bits);
    auto two = [&](const std::string& op, std::function<uint64_t(uint64_t, uint64_t)> f) {
      check_row(op + ".b" + b + " %" + c + "0, %" + c + "1, %" + c + "2", (c + "0").c_str(),
                {(c + "1").c_str(), (c + "2").c_str()}, 100, random_values({bits, bits}, 2),
                [&](const uint64_t* s) { return cut(bits, i128(f(s[0], s[1]))); });
    };
    two("and", [](uint64_t x, uint64_t y) { return x & y; });
    two("or", [](uint64_t x, uint64_t y) { return x | y; });
    two("xor", [](uint64_t x, uint64_t y) { return x ^ y; });
    auto one = [&](const std::string& op, std::function<uint64_t(uint64_t)> f) {
      check_row(op + ".b" + b + " %" + c + "0, %" + c + "1", (c + "0").c_str(), {(c + "1").c_str()}, 100,
                random_values({bits}, 2), [&](const uint64_t* s) { return cut(bits, i128(f(s[0]))); });
    };
    one("not", [](uint64_t x) { return ~x; });
    one("cnot", [](uint64_t x) { return x == 0; });
    std::mt19937_64 rng(3);
    Values gen = [&](unsigned s, unsigned, unsigned) -> uint64_t {
      return s ? (rng() % 4 ? rng() % 70 : hard_bits(rng, 32)) : hard_bits(rng, bits);
    };
    auto shift = [&](const std::string& op, std::function<uint64_t(uint64_t, uint64_t)> f) {
      check_row(op + b + " %" + c + "0, %" + c + "1, %r2", (c + "0").c_str(), {(c + "1").c_str(), "r2"}, 300,
                gen, [&](const uint64_t* s) { return cut(bits, i128(f(s[0], s[1]))); });
    };
    shift("shl.b", [&](uint64_t x, uint64_t n) { return n >= bits ? 0 : x << n; });
    shift("shr.u", [&](uint64_t x, uint64_t n) { return n >= bits ? 0 : x >> n; });
    shift("shr.b", [&](uint64_t x, uint64_t n) { return n >= bits ? 0 : x >> n; });
    shift("shr.s", [&](uint64_t x, uint64_t n) {
      return uint64_t((int64_t(x << (64 - bits)) >> (64 - bits)) >> (n > 63 ? 63 : n));
    });
    check_row("shl.b" + b + " %" + c + "0, %" + c + "1, 3", (c + "0").c_str(), {(c + "1").c_str()}, 20,
              random_values({bits}, 2), [&](const uint64_t* s) { return cut(bits, i128(s[0] << 3)); });
  }
  for (bool left : {false, true})
    for (bool wrap : {false, true}) {
      std::mt19937_64 rng(3);
      check_row(
          std::string("shf.") + (left ? "l" : "r") + (wrap ? ".wrap" : ".clamp") + ".b32 %r0, %r1, %r2, %r3",
          "r0", {"r1", "r2", "r3"}, 200,
          [&](unsigned s, unsigned, unsigned) -> uint64_t {
            return s == 2 ? rng() % 70 : rng() & 0xffffffff;
          },
          [=](const uint64_t* s) -> uint64_t {
            const unsigned n = wrap ? s[2] & 31 : unsigned(std::min<uint64_t>(s[2], 32));
            if (left) return uint32_t(n == 32 ? s[0] : s[1] << n | (n ? s[0] >> (32 - n) : 0));
            return uint32_t(n == 32 ? s[1] : (n ? s[1] << (32 - n) : 0) | s[0] >> n);
          });
    }
}
SIM_TEST(lop3) {
  for (unsigned table = 0; table < 256; ++table)
    check_row("lop3.b32 %r0, %r1, %r2, %r3, " + std::to_string(table), "r0", {"r1", "r2", "r3"}, 4,
              random_values({32, 32, 32}, table), [=](const uint64_t* s) {
                uint64_t d = 0;
                for (int k = 0; k < 32; ++k)
                  d |= uint64_t(table >> ((s[0] >> k & 1) << 2 | (s[1] >> k & 1) << 1 | (s[2] >> k & 1)) & 1)
                       << k;
                return d;
              });
  for (bool with_or : {false, true}) {
    const std::string text =
        std::string("lop3.") + (with_or ? "or" : "and") + ".b32 %r0|%p0, %r1, %r2, %r3, 0x80, %p1";
    check_row(text, "p0", {"r1", "r2", "r3", "p1"}, 40, random_values({8, 8, 8, 1}, 1),
              [=](const uint64_t* s) {
                const uint64_t t = (s[0] & s[1] & s[2]) != 0;
                return with_or ? t | s[3] : t & s[3];
              });
    check_row(text, "r0", {"r1", "r2", "r3", "p1"}, 40, random_values({8, 8, 8, 1}, 1),
              [=](const uint64_t* s) { return s[0] & s[1] & s[2]; });
  }
}
SIM_TEST(predicates) {
  auto check = [](const char* op, std::function<bool(bool, bool)> f) {
    check_row(std::string(op) + ".pred %p0, %p1, %p2", "p0", {"p1", "p2"}, 20, random_values({1, 1}, 1),
              [&](const uint64_t* s) { return uint64_t(f(s[0], s[1])); });
  };
  check("and", [](bool a, bool b) { return a && b; });
  check("or", [](bool a, bool b) { return a || b; });
  check("xor", [](bool a, bool b) { return a != b; });
  check_row("not.pred %p0, %p1", "p0", {"p1"}, 20, random_values({1}, 1),
            [](const uint64_t* s) { return s[0] ^ 1; });
  check_row("mov.pred %p0, %p1", "p0", {"p1"}, 20, random_values({1}, 1),
            [](const uint64_t* s) { return s[0]; });
  check_row("mov.pred %p0, 1", "p0", {}, 4, random_values({}, 1),
            [](const uint64_t*) { return uint64_t(1); });
}

}  // namespace
}  // namespace sim::isa_test
