// PTX ISA 9.7.1 Integer Arithmetic Instructions: counting, fields, dot products.
#include "chapters.h"
#include "select.h"

namespace sim::integer_bits_chapter {
namespace {

constexpr auto popc32 = [](auto a) { return uint32_t(__builtin_popcountll(a)); };
constexpr auto clz_ = [](auto a) {
  using T = decltype(a);
  return a ? uint32_t(sizeof(T) == 8 ? __builtin_clzll(a) : __builtin_clz(uint32_t(a)))
           : uint32_t(8 * sizeof(T));
};
// d is 32 bits wide whatever the source
template <auto F>
Handler count(Form& f) {
  return on_bits(f.type(), [](auto t) -> Handler {
    using T = decltype(t);
    return [](Warp& w, const Instr& in) { map<uint32_t, T>(w, in, [](T a) { return uint32_t(F(a)); }); };
  });
}

// Position of the most significant bit that differs from the sign (signed) or is set (unsigned); ~0 when
// there is none. .shiftamt: distance from the top instead.
template <bool SHIFT>
constexpr auto bfind_ = [](auto a) {
  using T = decltype(a);
  using U = std::make_unsigned_t<T>;
  const U m = a < 0 ? U(~U(a)) : U(a);
  const uint32_t at = sizeof(T) == 8 ? 63 - __builtin_clzll(m | 1) : 31 - __builtin_clz(uint32_t(m | 1));
  return m == 0 ? 0xffffffffu : SHIFT ? uint32_t(8 * sizeof(T) - 1) - at : at;
};
Handler bfind(Form& f) {
  const bool shift = f.has("shiftamt");
  return on_integer(f.type(), [shift](auto t) -> Handler {
    using T = decltype(t);
    if (shift)
      return [](Warp& w, const Instr& in) { map<uint32_t, T>(w, in, [](T a) { return bfind_<true>(a); }); };
    return [](Warp& w, const Instr& in) { map<uint32_t, T>(w, in, [](T a) { return bfind_<false>(a); }); };
  });
}

constexpr auto brev_ = [](auto a) {
  using T = decltype(a);
  T r = a;
  r = T((r & T(0xaaaaaaaaaaaaaaaaull)) >> 1 | (r & T(0x5555555555555555ull)) << 1);
  r = T((r & T(0xccccccccccccccccull)) >> 2 | (r & T(0x3333333333333333ull)) << 2);
  r = T((r & T(0xf0f0f0f0f0f0f0f0ull)) >> 4 | (r & T(0x0f0f0f0f0f0f0f0full)) << 4);
  if constexpr (sizeof(T) == 8)
    return T(__builtin_bswap64(r));
  else
    return T(__builtin_bswap32(r));
};

// PTX: the sign bit of bfe.s is that of the field's top bit, or of the source's when the field runs past it;
// length 0 gives 0. PTX takes bits 0..7 of position and length; an H200 does so for the 32-bit forms and
// takes all 32 bits for the 64-bit ones.
template <class T>
uint32_t field_number(uint32_t v) {
  return sizeof(T) == 8 ? v : v & 0xff;
}
template <class T>
T extract(T a, uint32_t b, uint32_t c) {
  using U = std::make_unsigned_t<T>;
  constexpr uint32_t n = 8 * sizeof(T);
  const uint32_t pos = field_number<T>(b), len = field_number<T>(c);
  const U field = pos < n ? U(U(a) >> (pos & (n - 1))) : U(0);
  const U mask = len >= n ? ~U(0) : U((U(1) << (len & (n - 1))) - 1);
  U r = field & mask;
  if constexpr (std::is_signed_v<T>) {
    const uint64_t last = uint64_t(pos) + len - 1, top = last < n - 1 ? last : n - 1;
    const bool sign = len != 0 && (U(a) >> (top & (n - 1)) & 1);
    const U avail = pos >= n ? U(0) : U(~U(0) >> (pos & (n - 1)));
    r = sign ? U(r | ~(mask & avail)) : r;
    r = len == 0 ? U(0) : r;
  }
  return T(r);
}
Handler bfe(Form& f) {
  fix_width(f, 2, 32), fix_width(f, 3, 32);
  return on_integer(f.type(), [](auto t) -> Handler {
    using T = decltype(t);
    return [](Warp& w, const Instr& in) { map<T, T, uint32_t, uint32_t>(w, in, inlined<extract<T>>); };
  });
}
template <class U>
U insert(U a, U b, uint32_t c, uint32_t d) {
  constexpr uint32_t n = 8 * sizeof(U);
  const uint32_t pos = field_number<U>(c), len = field_number<U>(d);
  const U ones = len >= n ? ~U(0) : U((U(1) << (len & (n - 1))) - 1);
  const U mask = pos < n ? U(ones << (pos & (n - 1))) : U(0);
  const U moved = pos < n ? U(a << (pos & (n - 1))) : U(0);
  return (b & ~mask) | (moved & mask);
}
Handler bfi(Form& f) {
  fix_width(f, 3, 32), fix_width(f, 4, 32);
  return on_bits(f.type(), [](auto t) -> Handler {
    using T = decltype(t);
    return [](Warp& w, const Instr& in) { map<T, T, T, uint32_t, uint32_t>(w, in, inlined<insert<T>>); };
  });
}

// bmsk: b ones from bit a on; .wrap takes both modulo 32, .clamp limits them to 32.
Handler bmsk(Form& f) {
  if (f.has("wrap"))
    return [](Warp& w, const Instr& in) {
      map<uint32_t, uint32_t, uint32_t>(
          w, in, [](uint32_t a, uint32_t b) { return ((1u << (b & 31)) - 1) << (a & 31); });
    };
  return [](Warp& w, const Instr& in) {
    map<uint32_t, uint32_t, uint32_t>(w, in, [](uint32_t a, uint32_t b) {
      const uint64_t ones = (uint64_t(1) << (b > 32 ? 32 : b)) - 1;
      return uint32_t(a > 31 ? 0 : ones << a);
    });
  };
}
// szext: keep b low bits, extended by type; .wrap takes b modulo 32, .clamp leaves the value whole from 32
// on.
template <class T, bool WRAP>
void szext_run(Warp& w, const Instr& in) {
  map<T, T, uint32_t>(w, in, [](T a, uint32_t b) {
    const uint32_t n = WRAP ? b & 31 : b > 32 ? 32 : b;
    const T cut = T(T(uint64_t(uint32_t(a)) << ((32 - n) & 31)) >> ((32 - n) & 31));
    return n == 0 ? T(0) : n == 32 ? a : cut;
  });
}
Handler szext(Form& f) {
  const bool wrap = f.has("wrap");
  if (f.type() == Type::s32) return wrap ? szext_run<int32_t, true> : szext_run<int32_t, false>;
  return wrap ? szext_run<uint32_t, true> : szext_run<uint32_t, false>;
}

// Position of the offset-th set bit of mask, counted from base (offset > 0 upwards, < 0 downwards; 0: base
// itself, if set), else ~0.
uint32_t nth_set(uint32_t mask, uint32_t base, int32_t offset) {
  if (base > 31) return 0xffffffffu;
  if (offset == 0) return mask >> base & 1 ? base : 0xffffffffu;
  const int step = offset > 0 ? 1 : -1;
  int32_t left = offset > 0 ? offset : -offset;
  for (int pos = int(base); pos >= 0 && pos < 32; pos += step)
    if (mask >> pos & 1 && --left == 0) return uint32_t(pos);
  return 0xffffffffu;
}
void fns(Warp& w, const Instr& in) { map<uint32_t, uint32_t, uint32_t, int32_t>(w, in, inlined<nth_set>); }

template <bool SIGNED>
int32_t byte(uint32_t v, unsigned k) {
  const uint8_t b = uint8_t(v >> 8 * k);
  return SIGNED ? int32_t(int8_t(b)) : int32_t(b);
}
template <bool SA, bool SB>
void dp4a_run(Warp& w, const Instr& in) {
  map<uint32_t, uint32_t, uint32_t, uint32_t>(w, in, [](uint32_t a, uint32_t b, uint32_t c) {
    uint32_t s = c;
    for (unsigned k = 0; k < 4; ++k) s += uint32_t(byte<SA>(a, k) * byte<SB>(b, k));
    return s;
  });
}
// dp2a: the two halves of a times two bytes of b, the low or the high pair
template <bool SA, bool SB, bool HI>
void dp2a_run(Warp& w, const Instr& in) {
  map<uint32_t, uint32_t, uint32_t, uint32_t>(w, in, [](uint32_t a, uint32_t b, uint32_t c) {
    const int32_t a0 = SA ? int32_t(int16_t(a)) : int32_t(a & 0xffff),
                  a1 = SA ? int32_t(a) >> 16 : int32_t(a >> 16);
    return c + uint32_t(a0 * byte<SB>(b, HI ? 2 : 0)) + uint32_t(a1 * byte<SB>(b, HI ? 3 : 1));
  });
}
Handler dp4a(Form& f) {
  if (f.n_types() != 2) return nullptr;
  const bool a = f.type(0) == Type::s32, b = f.type(1) == Type::s32;
  return a   ? (b ? dp4a_run<true, true> : dp4a_run<true, false>)
         : b ? dp4a_run<false, true>
             : dp4a_run<false, false>;
}
template <bool HI>
Handler dp2a(Form& f) {
  if (f.n_types() != 2) return nullptr;
  const bool a = f.type(0) == Type::s32, b = f.type(1) == Type::s32;
  return a   ? (b ? dp2a_run<true, true, HI> : dp2a_run<true, false, HI>)
         : b ? dp2a_run<false, true, HI>
             : dp2a_run<false, false, HI>;
}

}  // namespace

#define PTX(name) "#integer-arithmetic-instructions-" name
void add_rows(Rows& rows) {
  constexpr Scope L = Scope::LANE;
  // clang-format off
  //        name       types   modifiers     operands   scope select             anchor
  rows.add({"popc",    B32_64, "",           D_A,       L, count<popc32>,     PTX("popc")});
  rows.add({"clz",     B32_64, "",           D_A,       L, count<clz_>,       PTX("clz")});
  rows.add({"bfind",   I32_64, "shiftamt",   D_A,       L, bfind,             PTX("bfind")});
  rows.add({"fns",     B32,    "",           D_A_B_C,   L, always<fns>,       PTX("fns")});
  rows.add({"brev",    B32_64, "",           D_A,       L, bits_unary<brev_>, PTX("brev")});
  rows.add({"bfe",     I32_64, "",           D_A_B_C,   L, bfe,               PTX("bfe")});
  rows.add({"bfi",     B32_64, "",           D_A_B_C_D, L, bfi,               PTX("bfi")});
  rows.add({"bmsk",    B32,    "wrap|clamp", D_A_B,     L, bmsk,              PTX("bmsk")});
  rows.add({"szext",   I32,    "wrap|clamp", D_A_B,     L, szext,             PTX("szext")});
  rows.add({"dp4a",    I32,    "",           D_A_B_C,   L, dp4a,              PTX("dp4a")});
  rows.add({"dp2a.lo", I32,    "",           D_A_B_C,   L, dp2a<false>,       PTX("dp2a")});
  rows.add({"dp2a.hi", I32,    "",           D_A_B_C,   L, dp2a<true>,        PTX("dp2a")});
  // clang-format on
}
#undef PTX

}  // namespace sim::integer_bits_chapter
