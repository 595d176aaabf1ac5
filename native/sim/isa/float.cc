// PTX ISA 9.7.3 Floating-Point Instructions: IEEE arithmetic in f32, f64 and f32x2.
#include "arith.h"
#include "chapters.h"
#include "select.h"

namespace sim::float_chapter {
namespace {

// Of two NaNs in f64 the second comes out, of a division the first (arith.h).
template <class T>
T second_nan(T r, T a, T b) {
  if constexpr (sizeof(T) == 8)
    return prefer_nan(r, b, a);
  else
    return r;
}
constexpr auto add = [](auto a, auto b) { return second_nan(a + b, a, b); };
constexpr auto sub = [](auto a, auto b) { return second_nan(a - b, a, b); };
constexpr auto mul = [](auto a, auto b) { return second_nan(a * b, a, b); };
constexpr auto fma_ = [](auto a, auto b, auto c) {
  if constexpr (sizeof(a) == 4)
    return __builtin_fmaf(a, b, c);
  else
    return fma64(a, b, c);
};
constexpr auto div_ = [](auto a, auto b) {
  if constexpr (sizeof(a) == 8)
    return prefer_nan(a / b, a, b);
  else
    return a / b;
};
// .rm.ftz and .rp.ftz in f32 flush a quotient that was subnormal before it was rounded (an H200). A double
// tells which: quotients of floats are 2^-126 or differ from it by more than its rounding.
constexpr auto div_flushed = [](float a, float b) {
  const double exact = double(a) / double(b);
  const float q = a / b;
  return std::fabs(exact) < 0x1p-126 ? __builtin_copysignf(0.0f, q) : q;
};
constexpr auto rcp = [](auto a) { return decltype(a)(1) / a; };
constexpr auto sqrt_ = [](auto a) { return std::sqrt(a); };

template <auto F, unsigned N, class T, bool FTZ, bool SAT>
void body(Warp& w, const Instr& in) {
  if constexpr (N == 1)
    map<T, T>(w, in, [](T a) { return modified<F, FTZ, SAT, T>(a); });
  else if constexpr (N == 2)
    map<T, T, T>(w, in, [](T a, T b) { return modified<F, FTZ, SAT, T>(a, b); });
  else
    map<T, T, T, T>(w, in, [](T a, T b, T c) { return modified<F, FTZ, SAT, T>(a, b, c); });
}
// f32x2: 64 numbers
template <auto F, unsigned N, bool FTZ>
void body_x2(Warp& w, const Instr& in) {
  packed<word_lane, 2, N>(w, in, [](auto... a) { return bits(modified<F, FTZ, false, float>(f32(a)...)); });
}
// Directed rounding (.rz .rm .rp, kept in aux): the same body while the host rounds that way.
template <Handler H>
void directed(Warp& w, const Instr& in) {
  RoundScope scope{Round(in.aux)};
  H(w, in);
}
template <Handler H>
Handler rounded(Form& f) {
  const Round r = round_of(f);
  f.aux = uint64_t(r);
  return r == Round::RN ? H : directed<H>;
}

template <auto F, unsigned N>
Handler arithmetic(Form& f) {
  const bool ftz = f.has("ftz"), sat = f.has("sat");
  switch (f.type()) {
    case Type::f64:
      return ftz || sat ? nullptr : rounded<body<F, N, double, false, false>>(f);
    case Type::f32x2:
      return sat ? nullptr : ftz ? rounded<body_x2<F, N, true>>(f) : rounded<body_x2<F, N, false>>(f);
    case Type::f32:
      return ftz   ? (sat ? rounded<body<F, N, float, true, true>>(f)
                          : rounded<body<F, N, float, true, false>>(f))
             : sat ? rounded<body<F, N, float, false, true>>(f)
                   : rounded<body<F, N, float, false, false>>(f);
    default:
      return nullptr;
  }
}
// div, rcp and sqrt are IEEE only when they say how to round; without it they are approx.cc's (.approx,
// .full).
template <auto F, unsigned N>
Handler ieee(Form& f) {
  return f.has("rn") || f.has("rz") || f.has("rm") || f.has("rp") ? arithmetic<F, N>(f) : nullptr;
}

Handler divide(Form& f) {
  if (f.type() == Type::f32 && f.has("ftz") && (f.has("rm") || f.has("rp")))
    return ieee<div_flushed, 2>(f);
  return ieee<div_, 2>(f);
}

template <bool MAX, bool NAN_WINS, bool FTZ, bool XORSIGN>
void extreme_2(Warp& w, const Instr& in) {
  map<uint32_t, uint32_t, uint32_t>(w, in, inlined<extreme<MAX, NAN_WINS, FTZ, XORSIGN>>);
}
// Three inputs (sm_100): extreme of extremes; .abs takes magnitudes first.
template <bool MAX, bool NAN_WINS, bool FTZ, bool ABS>
void extreme_3(Warp& w, const Instr& in) {
  map<uint32_t, uint32_t, uint32_t, uint32_t>(w, in, [](uint32_t a, uint32_t b, uint32_t c) {
    const uint32_t keep = ABS ? 0x7fffffffu : ~0u;
    return extreme<MAX, NAN_WINS, FTZ, false>(extreme<MAX, NAN_WINS, FTZ, false>(a & keep, b & keep),
                                              c & keep);
  });
}
template <bool MAX>
void extreme_f64(Warp& w, const Instr& in) {
  map<uint64_t, uint64_t, uint64_t>(w, in, [](uint64_t a, uint64_t b) {
    const double x = f64(a), y = f64(b);
    uint64_t r = (MAX ? x > y : x < y) ? a : b;
    r = x == y ? (MAX ? a & b : a | b) : r;
    return x != x ? (y != y ? quiet64(b) : b) : y != y ? a : r;
  });
}
template <bool MAX>
Handler extremum(Form& f) {
  const bool nan = f.has("NaN"), ftz = f.has("ftz"), sign = f.has("xorsign"), abs = f.has("abs");
  if (f.type() == Type::f64)
    return nan || ftz || sign || abs || f.operand.size() != 3 ? nullptr : extreme_f64<MAX>;
  if (f.operand.size() == 4) {
    if (sign) return nullptr;
    return nan   ? (ftz   ? (abs ? extreme_3<MAX, true, true, true> : extreme_3<MAX, true, true, false>)
                    : abs ? extreme_3<MAX, true, false, true>
                          : extreme_3<MAX, true, false, false>)
           : ftz ? (abs ? extreme_3<MAX, false, true, true> : extreme_3<MAX, false, true, false>)
           : abs ? extreme_3<MAX, false, false, true>
                 : extreme_3<MAX, false, false, false>;
  }
  if (sign != abs) return nullptr;
  return nan    ? (ftz    ? (sign ? extreme_2<MAX, true, true, true> : extreme_2<MAX, true, true, false>)
                   : sign ? extreme_2<MAX, true, false, true>
                          : extreme_2<MAX, true, false, false>)
         : ftz  ? (sign ? extreme_2<MAX, false, true, true> : extreme_2<MAX, false, true, false>)
         : sign ? extreme_2<MAX, false, false, true>
                : extreme_2<MAX, false, false, false>;
}

// abs, neg and copysign act on the sign bit. PTX leaves the NaN of abs and neg unspecified: an H200 gives the
// canonical one in f32, and the operand's in f64, quiet, with its sign. It has no f32x2: there the payload
// stays.
constexpr auto abs_ = [](auto a) { return decltype(a)(a & (decltype(a)(~decltype(a)(0)) >> 1)); };
constexpr auto neg_ = [](auto a) { return decltype(a)(a ^ ~(decltype(a)(~decltype(a)(0)) >> 1)); };
constexpr auto copysign_ = [](auto a, auto b) {
  constexpr auto magnitude = decltype(a)(decltype(a)(~decltype(a)(0)) >> 1);
  return decltype(a)((a & ~magnitude) | (b & magnitude));
};
template <auto F>
constexpr auto signed_ = [](auto a) {
  if constexpr (sizeof(a) == 8)
    return is_nan64(a) ? quiet64(a) : uint64_t(F(a));
  else
    return is_nan32(a) ? F32_NAN : uint32_t(F(a));
};
template <auto F>
Handler sign_op(Form& f) {
  if (f.has("ftz")) {
    if (f.type() != Type::f32) return nullptr;
    return [](Warp& w, const Instr& in) {
      map<uint32_t, uint32_t>(w, in, [](uint32_t a) { return uint32_t(signed_<F>(flush(a))); });
    };
  }
  if (f.type() == Type::f32x2)
    return [](Warp& w, const Instr& in) {
      packed<word_lane, 2, 1>(w, in, [](uint32_t a) { return uint32_t(F(a)); });
    };
  return f.type() == Type::f64 ? unary<signed_<F>, uint64_t> : unary<signed_<F>, uint32_t>;
}

enum class Property : uint8_t { finite, infinite, number, notanumber, normal, subnormal };
template <class U>
bool has_property(U u, Property p) {
  constexpr U magnitude = U(~U(0)) >> 1,
              hidden = sizeof(U) == 4 ? U(1) << 23 : U(1) << (sizeof(U) == 4 ? 23 : 52);
  constexpr U inf = magnitude - (hidden - 1);
  const U a = u & magnitude;
  switch (p) {
    case Property::finite:
      return a < inf;
    case Property::infinite:
      return a == inf;
    case Property::number:
      return a <= inf;
    case Property::notanumber:
      return a > inf;
    case Property::normal:
      return (a >= hidden && a < inf) || a == 0;
    case Property::subnormal:
      return a < hidden && a != 0;
  }
  return false;
}
template <class U>
void testp_run(Warp& w, const Instr& in) {
  const Property p = Property(in.aux);
  write_pred(w, w.pred(in, 0), test<U>(w, in, 1, [p](U u) { return has_property(u, p); }));
}
Handler testp(Form& f) {
  static constexpr const char* names[] = {"finite",     "infinite", "number",
                                          "notanumber", "normal",   "subnormal"};
  for (unsigned k = 0; k < 6; ++k)
    if (f.has(names[k])) {
      f.aux = k;
      return f.type() == Type::f64 ? testp_run<uint64_t> : testp_run<uint32_t>;
    }
  return nullptr;
}

}  // namespace

#define ROUND "rn|rz|rm|rp|ftz|sat"
#define PTX(name) "#floating-point-instructions-" name
void add_rows(Rows& rows) {
  constexpr Scope L = Scope::LANE;
  constexpr Pattern D_A_B_OR_C{3, 4};
  constexpr TypeSet all = F32_64 | F32X2;
  // clang-format off
  //        name        types   modifiers                   operands    scope select                  anchor
  rows.add({"add",      all,    ROUND,                      D_A_B,      L, arithmetic<add, 2>,     PTX("add")});
  rows.add({"sub",      all,    ROUND,                      D_A_B,      L, arithmetic<sub, 2>,     PTX("sub")});
  rows.add({"mul",      all,    ROUND,                      D_A_B,      L, arithmetic<mul, 2>,     PTX("mul")});
  rows.add({"fma",      all,    ROUND,                      D_A_B_C,    L, arithmetic<fma_, 3>,    PTX("fma")});
  rows.add({"mad",      F32_64, ROUND,                      D_A_B_C,    L, arithmetic<fma_, 3>,    PTX("mad")});
  rows.add({"div",      F32_64, "rn|rz|rm|rp|ftz",          D_A_B,      L, divide,                 PTX("div")});
  rows.add({"rcp",      F32_64, "rn|rz|rm|rp|ftz",          D_A,        L, ieee<rcp, 1>,           PTX("rcp")});
  rows.add({"sqrt",     F32_64, "rn|rz|rm|rp|ftz",          D_A,        L, ieee<sqrt_, 1>,         PTX("sqrt")});
  rows.add({"min",      F32_64, "ftz|NaN|xorsign|abs",      D_A_B_OR_C, L, extremum<false>,        PTX("min")});
  rows.add({"max",      F32_64, "ftz|NaN|xorsign|abs",      D_A_B_OR_C, L, extremum<true>,         PTX("max")});
  rows.add({"abs",      F32_64, "ftz",                      D_A,        L, sign_op<abs_>,          PTX("abs")});
  rows.add({"neg",      all,    "ftz",                      D_A,        L, sign_op<neg_>,          PTX("neg")});
  rows.add({"copysign", F32_64, "",                         D_A_B,      L, bits_binary<copysign_>, PTX("copysign")});
  rows.add({"testp",    F32_64, "finite|infinite|number|notanumber|normal|subnormal", D_A,        L, testp,                  PTX("testp")});
  // clang-format on
}
#undef PTX

}  // namespace sim::float_chapter
