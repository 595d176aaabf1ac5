// PTX ISA 9.7.4 Half Precision Floating-Point Instructions (f16, bf16 and their pairs) and 9.7.5 Mixed Precision.
#include "../numerics/half.h"
#include "arith.h"
#include "chapters.h"
#include "select.h"

namespace sim {
namespace {

// One rounding an operation. A double holds the exact product of two halves and any tie a sum of two can make; what an fma loses is kept as
// a sticky bit (rounding to odd), so narrow() rounds once. f16 sums and products are short enough for f32.
template <class H>
using Work = std::conditional_t<std::is_same_v<H, f16_t>, float, double>;

template <class H, auto F, class W, class... A>
[[gnu::always_inline]] inline uint16_t once(A... a) {
  return narrow<H>(F(W(widen(H{a}))...)).u;
}
constexpr auto add = [](auto a, auto b) { return a + b; };
constexpr auto sub = [](auto a, auto b) { return a - b; };
constexpr auto mul = [](auto a, auto b) { return a * b; };
constexpr auto fma_ = [](double a, double b, double c) { return fma_to_odd(a, b, c); };

template <class H>
inline constexpr uint16_t ONE = std::is_same_v<H, f16_t> ? 0x3c00 : 0x3f80;
template <class H>
inline constexpr uint16_t INF = std::is_same_v<H, f16_t> ? 0x7c00 : 0x7f80;
template <class H>
inline constexpr uint16_t MIN_NORMAL = std::is_same_v<H, f16_t> ? 0x0400 : 0x0080;

template <class H>
uint16_t flush16(uint16_t a) {
  return (a & 0x7fff) < MIN_NORMAL<H> ? a & 0x8000 : a;
}
template <class H>
uint16_t clamp01(uint16_t a) {  // NaN and negatives give +0
  return (a & 0x8000) || a > INF<H> ? uint16_t(0) : a > ONE<H> ? ONE<H> : a;
}
template <class H>
uint16_t relu16(uint16_t a) {  // NaN stays canonical NaN
  return (a & 0x7fff) > INF<H> ? uint16_t(0x7fff) : (a & 0x8000) ? uint16_t(0) : a;
}

enum class Finish : uint8_t { none, sat, relu };
template <class H, bool FTZ, Finish END, class F, class... A>
[[gnu::always_inline]] inline uint16_t finished(F f, A... a) {
  uint16_t r = f((FTZ ? flush16<H>(a) : a)...);
  if constexpr (FTZ) r = flush16<H>(r);
  if constexpr (END == Finish::sat) r = clamp01<H>(r);
  if constexpr (END == Finish::relu) r = relu16<H>(r);
  return r;
}

// One body for the scalar and the packed form: scalars are pairs whose upper half is cleared.
template <class F, unsigned N, bool PAIR>
void run(Warp& w, const Instr& in, F f) {
  if constexpr (PAIR) packed<half_lane, 2, N>(w, in, f);
  else if constexpr (N == 1) map<uint16_t, uint16_t>(w, in, f);
  else if constexpr (N == 2) map<uint16_t, uint16_t, uint16_t>(w, in, f);
  else map<uint16_t, uint16_t, uint16_t, uint16_t>(w, in, f);
}
template <class H, auto F, unsigned N, bool PAIR, bool FTZ, Finish END>
void body(Warp& w, const Instr& in) {
  using W = std::conditional_t<N == 3, double, Work<H>>;
  auto f = [](auto... a) [[gnu::always_inline]] { return finished<H, FTZ, END>([](auto... b) [[gnu::always_inline]] { return once<H, F, W>(b...); }, uint16_t(a)...); };
  run<decltype(f), N, PAIR>(w, in, f);
}
template <class H, auto F, unsigned N, bool PAIR>
Handler with_modifiers(Form& f) {
  const bool ftz = f.has("ftz"), sat = f.has("sat"), relu = f.has("relu");
  if (sat) return ftz ? body<H, F, N, PAIR, true, Finish::sat> : body<H, F, N, PAIR, false, Finish::sat>;
  if (relu) return ftz ? body<H, F, N, PAIR, true, Finish::relu> : body<H, F, N, PAIR, false, Finish::relu>;
  return ftz ? body<H, F, N, PAIR, true, Finish::none> : body<H, F, N, PAIR, false, Finish::none>;
}
template <auto F, unsigned N>
Handler arithmetic(Form& f) {
  switch (f.type()) {
    case Type::f16: return with_modifiers<f16_t, F, N, false>(f);
    case Type::f16x2: return with_modifiers<f16_t, F, N, true>(f);
    case Type::bf16: return with_modifiers<bf16_t, F, N, false>(f);
    case Type::bf16x2: return with_modifiers<bf16_t, F, N, true>(f);
    default: return nullptr;
  }
}

// min and max through the f32 rule, which is exact on widened values.
template <class H, bool MAX, bool NAN_WINS, bool FTZ, bool XORSIGN>
uint16_t extreme16(uint16_t a, uint16_t b) {
  if constexpr (FTZ) a = flush16<H>(a), b = flush16<H>(b);
  return narrow<H>(f32(extreme<MAX, NAN_WINS, false, XORSIGN>(bits(widen(H{a})), bits(widen(H{b}))))).u;
}
template <class H, bool MAX, bool PAIR>
Handler extremum_of(Form& f) {
  const bool nan = f.has("NaN"), ftz = f.has("ftz"), sign = f.has("xorsign");
  if (sign != f.has("abs")) return nullptr;
  auto pick = [&](auto n, auto z, auto s) -> Handler {
    return [](Warp& w, const Instr& in) {
      constexpr bool NAN_ = decltype(n)::value, FTZ = decltype(z)::value, SIGN = decltype(s)::value;
      auto g = [](uint16_t a, uint16_t b) { return extreme16<H, MAX, NAN_, FTZ, SIGN>(a, b); };
      run<decltype(g), 2, PAIR>(w, in, g);
    };
  };
  constexpr std::true_type T{};
  constexpr std::false_type F{};
  return nan ? (ftz ? (sign ? pick(T, T, T) : pick(T, T, F)) : sign ? pick(T, F, T) : pick(T, F, F))
             : ftz ? (sign ? pick(F, T, T) : pick(F, T, F)) : sign ? pick(F, F, T) : pick(F, F, F);
}
template <bool MAX>
Handler extremum(Form& f) {
  switch (f.type()) {
    case Type::f16: return extremum_of<f16_t, MAX, false>(f);
    case Type::f16x2: return extremum_of<f16_t, MAX, true>(f);
    case Type::bf16: return extremum_of<bf16_t, MAX, false>(f);
    case Type::bf16x2: return extremum_of<bf16_t, MAX, true>(f);
    default: return nullptr;
  }
}

template <class H, bool NEG, bool PAIR, bool FTZ>
void sign_body(Warp& w, const Instr& in) {
  auto f = [](uint16_t a) {
    if constexpr (FTZ) a = flush16<H>(a);
    return uint16_t(NEG ? a ^ 0x8000 : a & 0x7fff);
  };
  run<decltype(f), 1, PAIR>(w, in, f);
}
template <bool NEG>
Handler sign_op(Form& f) {
  const bool ftz = f.has("ftz");
  switch (f.type()) {
    case Type::f16: return ftz ? sign_body<f16_t, NEG, false, true> : sign_body<f16_t, NEG, false, false>;
    case Type::f16x2: return ftz ? sign_body<f16_t, NEG, true, true> : sign_body<f16_t, NEG, true, false>;
    case Type::bf16: return ftz ? sign_body<bf16_t, NEG, false, true> : sign_body<bf16_t, NEG, false, false>;
    case Type::bf16x2: return ftz ? sign_body<bf16_t, NEG, true, true> : sign_body<bf16_t, NEG, true, false>;
    default: return nullptr;
  }
}

// Mixed precision: d and the last operand are f32, the others halves that widen exactly.
template <class H, bool SUB, bool SAT>
void mixed_add(Warp& w, const Instr& in) {
  map<float, uint16_t, float>(w, in, [](uint16_t a, float c) {
    const float r = SUB ? widen(H{a}) - c : widen(H{a}) + c;
    return SAT ? saturate01(r) : settle(r);
  });
}
template <class H, bool SAT>
void mixed_fma(Warp& w, const Instr& in) {
  map<float, uint16_t, uint16_t, float>(w, in, [](uint16_t a, uint16_t b, float c) {
    const float r = __builtin_fmaf(widen(H{a}), widen(H{b}), c);
    return SAT ? saturate01(r) : settle(r);
  });
}
template <Handler H>
void directed(Warp& w, const Instr& in) {
  RoundScope scope{Round(in.aux)};
  H(w, in);
}
template <Handler H>
Handler rounded(Form& f) {
  f.aux = uint64_t(round_of(f));
  return f.aux ? directed<H> : H;
}
template <template <class, bool> class OP>
Handler mixed(Form& f) {
  if (f.n_types() != 2 || f.type(0) != Type::f32 || f.type(1) == Type::f32) return nullptr;
  f.operand.back().imm_bits = 32;
  const bool sat = f.has("sat");
  if (f.type(1) == Type::f16) return sat ? rounded<OP<f16_t, true>::run>(f) : rounded<OP<f16_t, false>::run>(f);
  return sat ? rounded<OP<bf16_t, true>::run>(f) : rounded<OP<bf16_t, false>::run>(f);
}
template <class H, bool SAT>
struct MixedAdd { static void run(Warp& w, const Instr& in) { mixed_add<H, false, SAT>(w, in); } };
template <class H, bool SAT>
struct MixedSub { static void run(Warp& w, const Instr& in) { mixed_add<H, true, SAT>(w, in); } };
template <class H, bool SAT>
struct MixedFma { static void run(Warp& w, const Instr& in) { mixed_fma<H, SAT>(w, in); } };

}  // namespace

void half_rows(Rows& rows) {
  constexpr Scope L = Scope::LANE;
  constexpr TypeSet half = HALF | HALF2, mix = HALF | F32_ONLY;
  //        name       types  modifiers               operands  scope  select              anchor
  rows.add({"add",     half,  "rn|ftz|sat",           D_A_B,    L,  arithmetic<add, 2>,    "#half-precision-floating-point-instructions-add"});
  rows.add({"sub",     half,  "rn|ftz|sat",           D_A_B,    L,  arithmetic<sub, 2>,    "#half-precision-floating-point-instructions-sub"});
  rows.add({"mul",     half,  "rn|ftz|sat",           D_A_B,    L,  arithmetic<mul, 2>,    "#half-precision-floating-point-instructions-mul"});
  rows.add({"fma",     half,  "rn|ftz|sat|relu",      D_A_B_C,  L,  arithmetic<fma_, 3>,   "#half-precision-floating-point-instructions-fma"});
  rows.add({"min",     half,  "ftz|NaN|xorsign|abs",  D_A_B,    L,  extremum<false>,       "#half-precision-floating-point-instructions-min"});
  rows.add({"max",     half,  "ftz|NaN|xorsign|abs",  D_A_B,    L,  extremum<true>,        "#half-precision-floating-point-instructions-max"});
  rows.add({"abs",     half,  "ftz",                  D_A,      L,  sign_op<false>,        "#half-precision-floating-point-instructions-abs"});
  rows.add({"neg",     half,  "ftz",                  D_A,      L,  sign_op<true>,         "#half-precision-floating-point-instructions-neg"});
  rows.add({"add",     mix,   "rn|rz|rm|rp|sat",      D_A_B,    L,  mixed<MixedAdd>,       "#mixed-precision-floating-point-instructions-add"});
  rows.add({"sub",     mix,   "rn|rz|rm|rp|sat",      D_A_B,    L,  mixed<MixedSub>,       "#mixed-precision-floating-point-instructions-sub"});
  rows.add({"fma",     mix,   "rn|rz|rm|rp|sat",      D_A_B_C,  L,  mixed<MixedFma>,       "#mixed-precision-floating-point-instructions-fma"});
}

}  // namespace sim
