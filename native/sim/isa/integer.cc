// PTX ISA 9.7.1 Integer Arithmetic Instructions: the four operations, products, minima.
#include "chapters.h"
#include "select.h"

namespace sim::integer_chapter {
namespace {

constexpr auto add = [](auto a, auto b) { return a + b; };
constexpr auto sub = [](auto a, auto b) { return a - b; };
constexpr auto mul_lo = [](auto a, auto b) { return uint64_t(a) * uint64_t(b); };
constexpr auto mad_lo = [](auto a, auto b, auto c) { return uint64_t(a) * uint64_t(b) + uint64_t(c); };

// Twice as wide, for the exact product.
template <class T>
using Twice = std::conditional_t<
    std::is_signed_v<T>,
    std::conditional_t<sizeof(T) == 2, int32_t, std::conditional_t<sizeof(T) == 4, int64_t, __int128>>,
    std::conditional_t<sizeof(T) == 2, uint32_t,
                       std::conditional_t<sizeof(T) == 4, uint64_t, unsigned __int128>>>;

template <class T>
T high_half(T a, T b) {
  return T((Twice<T>(a) * Twice<T>(b)) >> (8 * sizeof(T)));
}
template <class T>
T saturate(Twice<T> v) {
  constexpr Twice<T> lo = std::numeric_limits<T>::min(), hi = std::numeric_limits<T>::max();
  return T(v < lo ? lo : v > hi ? hi : v);
}
constexpr auto mul_hi = [](auto a, auto b) { return high_half(a, b); };

Handler sat_add(Form& f) {  // .sat: s32 only
  if (f.type() != Type::s32) return nullptr;
  return binary<[](int32_t a, int32_t b) { return saturate<int32_t>(int64_t(a) + b); }, int32_t>;
}
Handler sat_sub(Form& f) {
  if (f.type() != Type::s32) return nullptr;
  return binary<[](int32_t a, int32_t b) { return saturate<int32_t>(int64_t(a) - b); }, int32_t>;
}
// .u16x2 and .s16x2: the two halves alone
template <auto F>
Handler halves(Form& f) {
  if (f.type() == Type::s16x2)
    return [](Warp& w, const Instr& in) {
      packed<half_lane, 2, 2>(w, in, [](int16_t a, int16_t b) { return F(a, b); });
    };
  return [](Warp& w, const Instr& in) {
    packed<half_lane, 2, 2>(w, in, [](uint16_t a, uint16_t b) { return F(a, b); });
  };
}

Handler mul_wide(Form& f) {
  return on_integer(f.type(), [](auto t) -> Handler {
    using T = decltype(t);
    if constexpr (sizeof(T) == 2 || sizeof(T) == 4)
      return [](Warp& w, const Instr& in) {
        map<Twice<T>, T, T>(w, in, [](T a, T b) { return Twice<T>(Twice<T>(a) * Twice<T>(b)); });
      };
    else
      return nullptr;
  });
}
Handler mad_wide(Form& f) {
  if (ptx::bits_of(f.type()) == 32) fix_width(f, 3, 64);
  return on_integer(f.type(), [](auto t) -> Handler {
    using T = decltype(t);
    if constexpr (sizeof(T) == 2 || sizeof(T) == 4) {
      using W = std::make_unsigned_t<Twice<T>>;
      return [](Warp& w, const Instr& in) {
        map<W, T, T, W>(w, in, [](T a, T b, W c) { return W(W(Twice<T>(a) * Twice<T>(b)) + c); });
      };
    } else {
      return nullptr;
    }
  });
}
Handler mad_hi(Form& f) {
  if (f.has("sat")) {
    if (f.type() != Type::s32) return nullptr;
    return ternary<[](int32_t a, int32_t b, int32_t c) {
      return saturate<int32_t>(int64_t(high_half(a, b)) + c);
    },
                   int32_t>;
  }
  return on_integer(f.type(), [](auto t) -> Handler {
    using T = decltype(t);
    using U = std::make_unsigned_t<T>;
    if constexpr (sizeof(T) == 1)
      return nullptr;
    else
      return ternary<[](T a, T b, T c) { return U(high_half(a, b)) + U(c); }, T>;
  });
}

// Multiplication of the low 24 bits: .lo gives bits 0..31 of the 48-bit product, .hi bits 16..47.
template <class T>
int64_t product24(T a, T b) {
  if constexpr (std::is_signed_v<T>)
    return (int64_t(int32_t(uint32_t(a) << 8)) >> 8) * (int64_t(int32_t(uint32_t(b) << 8)) >> 8);
  else
    return int64_t(uint64_t(a & 0xffffff) * uint64_t(b & 0xffffff));
}
Handler mul24(Form& f) {
  const bool hi = f.has("hi");
  return on_integer(f.type(), [hi](auto t) -> Handler {
    using T = decltype(t);
    return hi ? binary<[](T a, T b) { return (product24(a, b) >> 16); }, T>
              : binary<[](T a, T b) { return product24(a, b); }, T>;
  });
}
Handler mad24(Form& f) {
  const bool hi = f.has("hi"), sat = f.has("sat");
  if (sat && (f.type() != Type::s32 || !hi)) return nullptr;
  if (sat)
    return ternary<[](int32_t a, int32_t b, int32_t c) {
      return saturate<int32_t>((product24(a, b) >> 16) + c);
    },
                   int32_t>;
  return on_integer(f.type(), [hi](auto t) -> Handler {
    using T = decltype(t);
    return hi ? ternary<[](T a, T b, T c) { return (product24(a, b) >> 16) + int64_t(c); }, T>
              : ternary<[](T a, T b, T c) { return product24(a, b) + int64_t(c); }, T>;
  });
}

// Division by zero is not a trap: PTX leaves quotient and remainder unspecified, an H200 gives all ones for
// both. Minimum / -1 wraps. Lanes that are off divide too, so neither may fault.
template <class T>
T quotient(T a, T b) {
  if (b == 0) return T(-1);
  if constexpr (std::is_signed_v<T>)
    if (b == T(-1)) return T(std::make_unsigned_t<T>(0) - std::make_unsigned_t<T>(a));
  return T(a / b);
}
template <class T>
T remainder(T a, T b) {
  if (b == 0) return T(-1);
  if constexpr (std::is_signed_v<T>)
    if (b == T(-1)) return 0;
  return T(a % b);
}
// Up to 32 bits a double holds dividend, divisor and the truncated quotient exactly, and division of doubles
// is vector code.
constexpr auto div_ = [](auto a, auto b) {
  using T = decltype(a);
  if constexpr (sizeof(T) <= 4) {
    const double q = double(a) / double(b == 0 ? T(1) : b);
    return b == 0 ? T(-1) : T(int64_t(q));
  } else {
    return quotient(a, b);
  }
};
constexpr auto rem_ = [](auto a, auto b) {
  using T = decltype(a);
  if constexpr (sizeof(T) <= 4) {
    const int64_t q = int64_t(double(a) / double(b == 0 ? T(1) : b));
    return b == 0 ? T(-1) : T(int64_t(a) - q * int64_t(b));
  } else {
    return remainder(a, b);
  }
};

constexpr auto sad_ = [](auto a, auto b, auto c) {
  using U = std::make_unsigned_t<decltype(a)>;
  return U(c) + (a < b ? U(b) - U(a) : U(a) - U(b));
};
Handler sad(Form& f) {
  return on_integer(f.type(), [](auto t) -> Handler { return ternary<sad_, decltype(t)>; });
}
constexpr auto abs_ = [](auto a) {
  using U = std::make_unsigned_t<decltype(a)>;
  return a < 0 ? U(0) - U(a) : U(a);
};
constexpr auto neg_ = [](auto a) { return 0 - a; };
constexpr auto min_ = [](auto a, auto b) { return a < b ? a : b; };
constexpr auto max_ = [](auto a, auto b) { return a > b ? a : b; };
// .relu: negative results become 0; signed types only
constexpr auto min_relu = [](auto a, auto b) {
  auto r = a < b ? a : b;
  return r < 0 ? decltype(a)(0) : r;
};
constexpr auto max_relu = [](auto a, auto b) {
  auto r = a > b ? a : b;
  return r < 0 ? decltype(a)(0) : r;
};
template <auto PLAIN, auto RELU>
Handler extremum(Form& f) {
  const bool relu = f.has("relu");
  if (f.type() == Type::s16x2) return relu ? halves<RELU>(f) : halves<PLAIN>(f);
  if (f.type() == Type::s32) return relu ? binary<RELU, int32_t> : binary<PLAIN, int32_t>;
  if (relu) return nullptr;
  return f.type() == Type::u16x2 ? halves<PLAIN>(f) : integer_binary<PLAIN>(f);
}

}  // namespace

#define PTX(name) "#integer-arithmetic-instructions-" name
void add_rows(Rows& rows) {
  constexpr Scope L = Scope::LANE;
  // clang-format off
  //        name        types           modifiers    operands scope select                    anchor
  rows.add({"add",      I16_64,         "",          D_A_B,   L, bits_binary<add>,         PTX("add")});
  rows.add({"add.sat",  I32,            "",          D_A_B,   L, sat_add,                  PTX("add")});
  rows.add({"add",      I16X2,          "",          D_A_B,   L, halves<add>,              PTX("add")});
  rows.add({"sub",      I16_64,         "",          D_A_B,   L, bits_binary<sub>,         PTX("sub")});
  rows.add({"sub.sat",  I32,            "",          D_A_B,   L, sat_sub,                  PTX("sub")});
  rows.add({"mul.lo",   I16_64,         "",          D_A_B,   L, bits_binary<mul_lo>,      PTX("mul")});
  rows.add({"mul.hi",   I16_64,         "",          D_A_B,   L, integer_binary<mul_hi>,   PTX("mul")});
  rows.add({"mul.wide", I16_32,         "",          D_A_B,   L, mul_wide,                 PTX("mul")});
  rows.add({"mad.lo",   I16_64,         "",          D_A_B_C, L, bits_ternary<mad_lo>,     PTX("mad")});
  rows.add({"mad.hi",   I16_64,         "sat",       D_A_B_C, L, mad_hi,                   PTX("mad")});
  rows.add({"mad.wide", I16_32,         "",          D_A_B_C, L, mad_wide,                 PTX("mad")});
  rows.add({"mul24",    I32,            "hi|lo",     D_A_B,   L, mul24,                    PTX("mul24")});
  rows.add({"mad24",    I32,            "hi|lo|sat", D_A_B_C, L, mad24,                    PTX("mad24")});
  rows.add({"sad",      I16_64,         "",          D_A_B_C, L, sad,                      PTX("sad")});
  rows.add({"div",      I16_64,         "",          D_A_B,   L, integer_binary<div_>,     PTX("div")});
  rows.add({"rem",      I16_64,         "",          D_A_B,   L, integer_binary<rem_>,     PTX("rem")});
  rows.add({"abs",      S16_64,         "",          D_A,     L, integer_unary<abs_>,      PTX("abs")});
  rows.add({"neg",      S16_64,         "",          D_A,     L, bits_unary<neg_>,         PTX("neg")});
  rows.add({"min",      I16_64 | I16X2, "relu",      D_A_B,   L, extremum<min_, min_relu>, PTX("min")});
  rows.add({"max",      I16_64 | I16X2, "relu",      D_A_B,   L, extremum<max_, max_relu>, PTX("max")});
  // clang-format on
}
#undef PTX

}  // namespace sim::integer_chapter
