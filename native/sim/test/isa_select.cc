// Comparison, selection and moves.
#include <cmath>

#include "isa_reference.h"
#include "isa_row.h"

namespace sim::isa_test {
namespace {

// Comparison by name over a three-way order; `unordered` when either is NaN.
enum Order { less, equal, greater, unordered };
bool by_name(const std::string& c, Order o) {
  if (c == "num") return o != unordered;
  if (c == "nan") return o == unordered;
  const bool u = c.size() == 3;  // equ, neu, ltu ...: true for unordered
  if (o == unordered) return u;
  const std::string base = c.substr(0, 2);
  if (base == "eq") return o == equal;
  if (base == "ne") return o != equal;
  if (base == "lt" || base == "lo") return o == less;
  if (base == "le" || base == "ls") return o != greater;
  if (base == "gt" || base == "hi") return o == greater;
  return o != less;  // ge, hs
}
template <class X>
Order order(X a, X b) {
  return a != a || b != b ? unordered : a < b ? less : a > b ? greater : equal;
}
struct Kind {
  std::string type;
  char reg;
  std::function<Order(uint64_t, uint64_t)> order;
  std::function<uint64_t(std::mt19937_64&)> gen;
};
std::vector<Kind> kinds() {
  std::vector<Kind> all;
  auto bits = [](unsigned n) {
    return [n](std::mt19937_64& r) { return r() % 3 ? hard_bits(r, n) : r() % 4; };
  };
  for (unsigned n : {16u, 32u, 64u}) {
    const char reg = n == 16 ? 'h' : n == 32 ? 'r' : 'q';
    const std::string b = std::to_string(n);
    auto u = [](uint64_t x, uint64_t y) { return order(x, y); };
    auto s = [n](uint64_t x, uint64_t y) { return order(int64_t(x << (64 - n)), int64_t(y << (64 - n))); };
    all.push_back({"u" + b, reg, u, bits(n)}), all.push_back({"s" + b, reg, s, bits(n)}),
        all.push_back({"b" + b, reg, u, bits(n)});
  }
  auto f = [](std::mt19937_64& r) -> uint64_t {
    return r() % 2 ? hard_f32(r) : (r() % 2 ? 0x80000000 : 0x3f800000);
  };
  auto d = [](std::mt19937_64& r) -> uint64_t { return r() % 2 ? hard_f64(r) : 0; };
  auto h = [](std::mt19937_64& r) -> uint64_t { return r() % 2 ? r() & 0xffff : (r() & 0x8000); };
  all.push_back({"f32", 'r', [](uint64_t x, uint64_t y) { return order(F(x), F(y)); }, f});
  all.push_back({"f64", 'q', [](uint64_t x, uint64_t y) { return order(D(x), D(y)); }, d});
  all.push_back({"f16", 'h',
                 [](uint64_t x, uint64_t y) {
                   return order(value_of(f16_grid(), uint32_t(x)), value_of(f16_grid(), uint32_t(y)));
                 },
                 h});
  all.push_back({"bf16", 'h',
                 [](uint64_t x, uint64_t y) {
                   return order(value_of(bf16_grid(), uint32_t(x)), value_of(bf16_grid(), uint32_t(y)));
                 },
                 h});
  return all;
}
std::vector<std::string> comparisons(const Kind& k) {
  if (k.type[0] == 'b' && k.type != "bf16") return {"eq", "ne"};
  if (k.type[0] == 'u') return {"eq", "ne", "lt", "le", "gt", "ge", "lo", "ls", "hi", "hs"};
  if (k.type[0] == 's') return {"eq", "ne", "lt", "le", "gt", "ge"};
  return {"eq", "ne", "lt", "le", "gt", "ge", "equ", "neu", "ltu", "leu", "gtu", "geu", "num", "nan"};
}
uint64_t joined(const std::string& j, uint64_t t, uint64_t c) {
  return j == "and" ? t & c : j == "or" ? t | c : j == "xor" ? t ^ c : t;
}

SIM_TEST(setp) {
  for (const Kind& k : kinds())
    for (const std::string& c : comparisons(k))
        for (const char* j : {"", "and", "or", "xor"}) {
          auto rng = std::make_shared<std::mt19937_64>(5);
          const std::string a = k.reg + std::string("1"), b = k.reg + std::string("2"),
                            tail = *j ? ", %p3" : "";
          const std::string op = "setp." + c + (*j ? std::string(".") + j : "") + "." + k.type;
          Values gen = [&](unsigned s, unsigned, unsigned) { return s == 2 ? (*rng)() & 1 : k.gen(*rng); };
          for (const char* dst : {"%p0", "%p0|%p1"})
            for (const char* read : {"p0", "p1"}) {
              if (std::string(dst) == "%p0" && read[1] == '1') continue;
              const bool second = read[1] == '1';
              check_row(op + " " + dst + ", %" + a + ", %" + b + tail, read, {a.c_str(), b.c_str(), "p3"}, 12,
                        gen, [&](const uint64_t* s) {
                          const uint64_t t = by_name(c, k.order(s[0], s[1]));
                          return joined(j, second ? t ^ 1 : t, s[2]);
                        });
            }
        }
  // .ftz: a subnormal equals zero
  check_row(
      "setp.eq.ftz.f32 %p0, %r1, %r2", "p0", {"r1", "r2"}, 2,
      [](unsigned s, unsigned, unsigned l) -> uint64_t { return s ? 0x80000000 : l; },
      [](const uint64_t*) { return uint64_t(1); });
  check_row(
      "setp.eq.f32 %p0, %r1, %r2", "p0", {"r1", "r2"}, 2,
      [](unsigned s, unsigned, unsigned l) -> uint64_t { return s ? 0x80000000 : l; },
      [](const uint64_t* s) { return uint64_t(s[0] == 0); });
  for (const char* read : {"p0", "p1"}) {
    auto rng = std::make_shared<std::mt19937_64>(5);
    const unsigned at = read[1] == '1' ? 16 : 0;
    check_row(
        "setp.lt.f16x2 %p0|%p1, %r1, %r2", read, {"r1", "r2"}, 30,
        [=](unsigned, unsigned, unsigned) { return (*rng)() & 0xffffffff; },
        [&](const uint64_t* s) {
          return uint64_t(order(value_of(f16_grid(), s[0] >> at & 0xffff),
                                value_of(f16_grid(), s[1] >> at & 0xffff)) == less);
        });
  }
}
SIM_TEST(set) {
  const struct {
    const char* type;
    char reg;
    uint64_t one;
  } results[] = {{"u32", 'r', 0xffffffff}, {"s32", 'r', 0xffffffff}, {"f32", 'r', 0x3f800000},
                 {"f16", 'h', 0x3c00},     {"bf16", 'h', 0x3f80},    {"u16", 'h', 0xffff}, {"s16", 'h', 0xffff}};
  for (const Kind& k : kinds())
    for (auto& d : results)
      for (const std::string& c : comparisons(k))
      for (const char* j : {"", "and", "or", "xor"}) {
        if (*j && c != "eq" && c != "ne" && c != comparisons(k).back()) continue;
        auto rng = std::make_shared<std::mt19937_64>(5);
        const std::string a = k.reg + std::string("1"),
                          b = k.reg + std::string("2"), dst = d.reg + std::string("0");
        check_row(
            "set." + c + (*j ? std::string(".") + j : "") + "." + d.type + "." + k.type + " %" + dst + ", %" +
                a + ", %" + b + (*j ? ", %p3" : ""),
            dst.c_str(), {a.c_str(), b.c_str(), "p3"}, 10,
            [&](unsigned s, unsigned, unsigned) { return s == 2 ? (*rng)() & 1 : k.gen(*rng); },
            [&](const uint64_t* s) { return joined(j, by_name(c, k.order(s[0], s[1])), s[2]) ? d.one : 0; });
      }
}
// Each half is compared on its own; a subnormal equals zero with .ftz.
SIM_TEST(set_of_halves) {
  struct Half {
    const char* type;
    const Grid& grid;
    uint64_t one;
  };
  for (const Half& h : {Half{"f16", f16_grid(), 0x3c00}, Half{"bf16", bf16_grid(), 0x3f80}})
    for (const char* c : {"eq", "ne", "lt", "le", "gt", "ge", "equ", "neu", "ltu", "leu", "gtu", "geu", "num", "nan"})
      for (const char* z : {"", ".ftz"})
        for (const char* j : {"", "and", "or", "xor"}) {
          const bool f16 = h.type[0] == 'f';
          if (*z && !f16) continue;
          auto value = [&](uint64_t v) {
            const double x = value_of(h.grid, uint32_t(v & 0xffff));
            return *z && std::fabs(x) < 0x1p-14 ? 0.0 : x;
          };
          auto result = [&](const uint64_t* s, unsigned at) {
            return joined(j, by_name(c, order(value(s[0] >> at), value(s[1] >> at))), s[2]);
          };
          auto rng = std::make_shared<std::mt19937_64>(5);
          Values gen = [=](unsigned s, unsigned, unsigned) -> uint64_t {  // often equal, often small
            const uint64_t r = (*rng)();
            return s == 2 ? r & 1 : r >> 8 & (r % 3 == 0 ? 0x80018001 : r % 3 == 1 ? 0x7c017c01 : 0xffffffff);
          };
          const std::string op = std::string("set.") + c + (*j ? "." : "") + j + z, tail = *j ? ", %p3" : "";
          for (const char* d : {"u32", "s32", "f16x2", "bf16x2"}) {
            if (d[1] != '3' && std::string(d) != std::string(h.type) + "x2") continue;
            check_row(op + "." + d + "." + h.type + "x2 %r0, %r1, %r2" + tail, "r0", {"r1", "r2", "p3"}, 6, gen, [&](const uint64_t* s) {
              const uint64_t one = d[1] == '3' ? 0xffff : h.one;
              return (result(s, 0) ? one : 0) | (result(s, 16) ? one << 16 : 0);
            });
          }
          if (!*z) continue;
          for (const char* d : {"f16", "u16", "s16"})
            check_row(op + "." + d + ".f16 %h0, %h1, %h2" + tail, "h0", {"h1", "h2", "p3"}, 6, gen,
                      [&](const uint64_t* s) { return result(s, 0) ? d[0] == 'f' ? h.one : 0xffff : 0; });
          for (const char* d : {"u32", "s32"})
            check_row(op + "." + d + ".f16 %r0, %h1, %h2" + tail, "r0", {"h1", "h2", "p3"}, 6, gen,
                      [&](const uint64_t* s) -> uint64_t { return result(s, 0) ? 0xffffffff : 0; });
        }
}
SIM_TEST(selp_slct) {
  for (unsigned n : {16u, 32u, 64u}) {
    const std::string c(1, n == 16 ? 'h' : n == 32 ? 'r' : 'q'), b = std::to_string(n);
    for (const char* t : {"b", "u", "s"})
      check_row("selp." + (t + b) + " %" + c + "0, %" + c + "1, %" + c + "2, %p3", (c + "0").c_str(),
                {(c + "1").c_str(), (c + "2").c_str(), "p3"}, 20, random_values({n, n, 1}, 3),
                [](const uint64_t* s) { return s[2] ? s[0] : s[1]; });
    check_row("slct.b" + b + ".s32 %" + c + "0, %" + c + "1, %" + c + "2, %r3", (c + "0").c_str(),
              {(c + "1").c_str(), (c + "2").c_str(), "r3"}, 20, random_values({n, n, 32}, 3),
              [](const uint64_t* s) { return int32_t(s[2]) >= 0 ? s[0] : s[1]; });
    auto rng = std::make_shared<std::mt19937_64>(5);
    for (bool z : {false, true})
      check_row(
          std::string("slct") + (z ? ".ftz" : "") + ".b" + b + ".f32 %" + c + "0, %" + c + "1, %" + c +
              "2, %r3",
          (c + "0").c_str(), {(c + "1").c_str(), (c + "2").c_str(), "r3"}, 40,
          [=](unsigned s, unsigned, unsigned) { return s == 2 ? hard_f32(*rng) : hard_bits(*rng, n); },
          [=](const uint64_t* s) {
            const float f = F(s[2]);
            return f >= 0 || (z && std::fpclassify(f) == FP_SUBNORMAL) ? s[0] : s[1];
          });
  }
  check_row("selp.b16 %h0, -1, 7, %p3", "h0", {"p3"}, 4, random_values({1}, 3),
            [](const uint64_t* s) { return s[0] ? uint64_t(0xffff) : 7; });
  check_row("selp.f32 %r0, %r1, %r2, %p3", "r0", {"r1", "r2", "p3"}, 4, random_values({32, 32, 1}, 3),
            [](const uint64_t* s) { return s[2] ? s[0] : s[1]; });
}

SIM_TEST(mov) {
  for (const char* t : {"b16", "u16", "s16"})
    check_row(std::string("mov.") + t + " %h0, %h1", "h0", {"h1"}, 4, random_values({16}, 3),
              [](const uint64_t* s) { return s[0]; });
  for (const char* t : {"b32", "u32", "s32", "f32"})
    check_row(std::string("mov.") + t + " %r0, %r1", "r0", {"r1"}, 4, random_values({32}, 3),
              [](const uint64_t* s) { return s[0]; });
  for (const char* t : {"b64", "u64", "s64", "f64"})
    check_row(std::string("mov.") + t + " %q0, %q1", "q0", {"q1"}, 4, random_values({64}, 3),
              [](const uint64_t* s) { return s[0]; });
  check_row("mov.u16 %h0, -2", "h0", {}, 2, random_values({}, 3),
            [](const uint64_t*) { return uint64_t(0xfffe); });
  check_row("mov.b64 %q0, {%r1, %r2}", "q0", {"r1", "r2"}, 4, random_values({32, 32}, 3),
            [](const uint64_t* s) { return s[0] | s[1] << 32; });
  check_row("mov.b64 %q0, {%h1, %h2, %h3, %h4}", "q0", {"h1", "h2", "h3", "h4"}, 4,
            random_values({16, 16, 16, 16}, 3),
            [](const uint64_t* s) { return s[0] | s[1] << 16 | s[2] << 32 | s[3] << 48; });
  check_row("mov.b32 %r0, {%h1, %h2}", "r0", {"h1", "h2"}, 4, random_values({16, 16}, 3),
            [](const uint64_t* s) { return s[0] | s[1] << 16; });
  check_row("mov.b32 %r0, {%b1, %b2, %b3, %b4}", "r0", {"b1", "b2", "b3", "b4"}, 4,
            random_values({8, 8, 8, 8}, 3),
            [](const uint64_t* s) { return s[0] | s[1] << 8 | s[2] << 16 | s[3] << 24; });
  check_row("mov.b16 %h0, {%b1, %b2}", "h0", {"b1", "b2"}, 4, random_values({8, 8}, 3),
            [](const uint64_t* s) { return s[0] | s[1] << 8; });
  for (int k = 0; k < 2; ++k) {
    const std::string r = "r" + std::to_string(k), h = "h" + std::to_string(k);
    check_row("mov.b64 {%r0, %r1}, %q2", r.c_str(), {"q2"}, 4, random_values({64}, 3),
              [=](const uint64_t* s) { return s[0] >> 32 * k & 0xffffffff; });
    check_row("mov.b32 {%h0, %h1}, %r2", h.c_str(), {"r2"}, 4, random_values({32}, 3),
              [=](const uint64_t* s) { return s[0] >> 16 * k & 0xffff; });
  }
  check_row("mov.b64 {_, %r1}, %q2", "r1", {"q2"}, 4, random_values({64}, 3),
            [=](const uint64_t* s) { return s[0] >> 32; });
  Registers regs;  // 128 bits there and back; lanes that are off stay
  for (unsigned l = 0; l < LANES; ++l)
    regs.q(1)[l] = 100 + l, regs.q(2)[l] = 200 + l, regs.q(3)[l] = 7, regs.q(4)[l] = 7;
  Prepared("mov.b128 %x0, {%q1, %q2}").run(regs);
  Prepared("mov.b128 %x1, %x0").run(regs);
  Prepared("mov.b128 {%q3, %q4}, %x1").run(regs, 0xffff);
  for (unsigned l = 0; l < LANES; ++l)
    EXPECT(regs.q(3)[l] == (l < 16 ? 100 + l : 7) && regs.q(4)[l] == (l < 16 ? 200 + l : 7));
}
SIM_TEST(prmt) {
  auto byte = [](const uint64_t* s, unsigned k) {
    return (k < 4 ? s[0] >> 8 * k : s[1] >> 8 * (k - 4)) & 0xff;
  };
  check_row("prmt.b32 %r0, %r1, %r2, %r3", "r0", {"r1", "r2", "r3"}, 200, random_values({32, 32, 32}, 3),
            [=](const uint64_t* s) {
              uint64_t d = 0;
              for (unsigned k = 0; k < 4; ++k) {
                const unsigned sel = s[2] >> 4 * k & 15;
                const uint64_t b = byte(s, sel & 7);
                d |= (sel & 8 ? (b & 0x80 ? 0xffull : 0) : b) << 8 * k;
              }
              return d;
            });
  for (unsigned selector :
       {0x5410u, 0x7632u, 0x1054u, 0x3232u, 0x7610u, 0x3210u, 0x5432u, 0x4321u, 0x8410u, 0x0123u})
    check_row("prmt.b32 %r0, %r1, %r2, " + std::to_string(selector), "r0", {"r1", "r2"}, 40,
              random_values({32, 32}, 3), [=](const uint64_t* s) {
                uint64_t d = 0;
                for (unsigned k = 0; k < 4; ++k) {
                  const uint64_t b = byte(s, selector >> 4 * k & 7);
                  d |= (selector >> 4 * k & 8 ? (b & 0x80 ? 0xffull : 0) : b) << 8 * k;
                }
                return d;
              });
  // the ISA's tables, most significant byte first, a row for each c mod 4
  const struct {
    const char* mode;
    const char* rows[4];
  } modes[] = {{"f4e", {"3210", "4321", "5432", "6543"}}, {"b4e", {"5670", "6701", "7012", "0123"}},
               {"rc8", {"0000", "1111", "2222", "3333"}}, {"ecl", {"3210", "3211", "3222", "3333"}},
               {"ecr", {"0000", "1110", "2210", "3210"}}, {"rc16", {"1010", "3232", "1010", "3232"}}};
  for (auto& m : modes)
    check_row(std::string("prmt.b32.") + m.mode + " %r0, %r1, %r2, %r3", "r0", {"r1", "r2", "r3"}, 40,
              random_values({32, 32, 32}, 3), [&](const uint64_t* s) {
                uint64_t d = 0;
                for (unsigned k = 0; k < 4; ++k)
                  d |= byte(s, unsigned(m.rows[s[2] & 3][3 - k] - '0')) << 8 * k;
                return d;
              });
}

SIM_TEST(shfl) {  // the ISA's pseudo code, lane by lane
  std::mt19937_64 rng(3);
  for (const char* mode : {"up", "down", "bfly", "idx"}) {
    const std::string m = mode;
    Prepared plain("shfl.sync." + m + ".b32 %r0, %r1, %r2, %r3, %r4"),
        pair("shfl.sync." + m + ".b32 %r0|%p0, %r1, %r2, %r3, %r4");
    EXPECT(plain.found() && pair.found());
    for (int round = 0; round < 400; ++round) {
      Registers regs;
      for (unsigned l = 0; l < LANES; ++l) {
        regs.r(1)[l] = uint32_t(rng());
        regs.r(2)[l] = uint32_t(round % 2 ? rng() % 32 : unsigned(round / 2) % 32),
        regs.r(3)[l] = uint32_t(rng());
        if (round % 4 == 0) regs.r(3)[l] = (32 - (1u << round / 4 % 6)) << 8 | (m == "up" ? 0 : 31);
      }
      for (Prepared* p : {&plain, &pair}) {
        p->run(regs);
        for (int lane = 0; lane < 32; ++lane) {
          const int b = regs.r(2)[lane] & 31, c = regs.r(3)[lane] & 31, mask = regs.r(3)[lane] >> 8 & 31;
          const int max = (lane & mask) | (c & ~mask & 31), min = lane & mask;
          int j;
          bool ok;
          if (m == "up")
            j = lane - b, ok = j >= max;
          else if (m == "down")
            j = lane + b, ok = j <= max;
          else if (m == "bfly")
            j = lane ^ b, ok = j <= max;
          else
            j = min | (b & ~mask & 31), ok = j <= max;
          if (!ok) j = lane;
          EXPECT(regs.r(0)[lane] == regs.r(1)[j & 31]);
          if (p == &pair) EXPECT((regs.p(0) >> lane & 1) == unsigned(ok));
        }
      }
    }
  }
}

}  // namespace
}  // namespace sim::isa_test
