// PTX ISA 9.7.4 Half Precision Floating-Point Instructions (f16, bf16 and their pairs) and 9.7.5 Mixed
// Precision.
#include "../numerics/half.h"

#include "arith.h"
#include "chapters.h"
#include "select.h"

namespace sim::half_chapter {
namespace {

// Every operation is a chain of lane loops over doubles: widen, operate, narrow once. A double holds the
// exact product of two halves and any tie a sum of two can make; what an fma loses is kept as a sticky bit
// (rounding to odd), so narrowing is the only rounding. Packed registers hold two values, scalars one.
struct Shape {  // unpacked from Instr::aux
  uint8_t bf16, pair, ftz, sat, relu, nan, xorsign, max;
};
Shape shape(const Instr& in) { return __builtin_bit_cast(Shape, in.aux); }
constexpr unsigned MOST = 2 * LANES;
constexpr uint16_t OOB_NAN = 0x7ff7;  // the fill of tensor_copy_box.cc

uint32_t one_of(const Shape& s) { return s.bf16 ? 0x3f80 : 0x3c00; }
uint32_t inf_of(const Shape& s) { return s.bf16 ? 0x7f80 : 0x7c00; }

void flush_all(const Shape& s, uint16_t* v) {
  const uint16_t normal = s.bf16 ? 0x0080 : 0x0400;
  for (unsigned i = 0; i < MOST; ++i) v[i] = (v[i] & 0x7fff) < normal ? v[i] & 0x8000 : v[i];
}
// The values of a register as 16-bit codes: pairs in order, scalars in every other place.
void load(Warp& w, const Instr& in, const Shape& s, unsigned operand, uint16_t* v) {
  std::memcpy(v, w.op<uint32_t>(in, operand), MOST * sizeof *v);
  if (s.ftz) flush_all(s, v);
}
template <class X>
void widen_all(const Shape& s, const uint16_t* v, X* x) {
  if (s.bf16) {
    _Pragma("GCC ivdep") for (unsigned i = 0; i < MOST; ++i) x[i] = X(bf16_to_f32(v[i]));
  } else {
    _Pragma("GCC ivdep") for (unsigned i = 0; i < MOST; ++i) x[i] = X(f16_to_f32(v[i]));
  }
}
template <class X>
void narrow_all(const Shape& s, const X* x, uint16_t* v) {
  if (s.bf16) {
    _Pragma("GCC ivdep") for (unsigned i = 0; i < MOST; ++i) v[i] = narrow<bf16_t>(x[i]).u;
  } else {
    _Pragma("GCC ivdep") for (unsigned i = 0; i < MOST; ++i) v[i] = narrow<f16_t>(x[i]).u;
  }
}
void store(Warp& w, const Instr& in, const Shape& s, const uint16_t* v) {
  uint32_t t[LANES];
  std::memcpy(t, v, sizeof t);
  if (!s.pair) SIM_EACH_LANE(l) t[l] &= 0xffff;
  blend(w.op<uint32_t>(in, 0), t, w.exec);
}
// .sat: to [0, 1], NaN and negatives give +0. .relu: negatives give +0, NaN stays.
void modify(const Shape& s, uint16_t* v) {
  if (s.ftz) flush_all(s, v);
  const uint16_t one = uint16_t(one_of(s)), inf = uint16_t(inf_of(s));
  if (s.sat)
    for (unsigned i = 0; i < MOST; ++i) v[i] = (v[i] & 0x8000) || v[i] > inf ? 0 : v[i] > one ? one : v[i];
  if (s.relu)
    for (unsigned i = 0; i < MOST; ++i) v[i] = (v[i] & 0x8000) && (v[i] & 0x7fff) <= inf ? 0 : v[i];
}

constexpr auto add = [](double a, double b, double) { return a + b; };
constexpr auto sub = [](double a, double b, double) { return a - b; };
constexpr auto mul = [](double a, double b, double) { return a * b; };
constexpr auto fma_ = [](double a, double b, double c) { return fma_to_odd(a, b, c); };

// .oob: 0 where a factor is the NaN that fills what lies outside of a tensor, of either sign; as the addend
// that NaN is one like others (an H200).
template <auto F, unsigned N, bool OOB = false>
void arithmetic_run(Warp& w, const Instr& in) {
  const Shape s = shape(in);
  alignas(64) uint16_t v[MOST];
  alignas(64) double x[3][MOST], y[MOST];
  [[maybe_unused]] bool outside[MOST] = {};
  for (unsigned k = 0; k < N; ++k) {
    load(w, in, s, k + 1, v), widen_all(s, v, x[k]);
    if constexpr (OOB)
      for (unsigned i = 0; i < MOST; ++i) outside[i] |= k < 2 && (v[i] & 0x7fff) == OOB_NAN;
  }
  const double *a = x[0], *b = x[1], *c = x[N - 1];
  _Pragma("GCC ivdep") for (unsigned i = 0; i < MOST; ++i) y[i] = F(a[i], b[i], c[i]);
  narrow_all(s, y, v);
  modify(s, v);
  if constexpr (OOB)
    for (unsigned i = 0; i < MOST; ++i) v[i] = outside[i] ? 0 : v[i];
  store(w, in, s, v);
}
void remember(Form& f, bool max = false) {
  const Type t = f.type();
  const bool bf16 = t == Type::bf16 || t == Type::bf16x2, pair = t == Type::f16x2 || t == Type::bf16x2;
  f.aux = __builtin_bit_cast(uint64_t, Shape{bf16, pair, f.has("ftz"), f.has("sat"), f.has("relu"),
                                             f.has("NaN"), f.has("xorsign"), max});
}
template <auto F, unsigned N, bool OOB = false>
Handler arithmetic(Form& f) {
  remember(f);
  return arithmetic_run<F, N, OOB>;
}

// min and max order the codes as sign and magnitude (so -0 < +0); a number beats NaN unless .NaN; two NaNs
// give the canonical one. .xorsign.abs: magnitudes compared, signs multiplied.
void extreme_run(Warp& w, const Instr& in) {
  const Shape s = shape(in);
  alignas(64) uint16_t a[MOST], b[MOST], r[MOST];
  load(w, in, s, 1, a), load(w, in, s, 2, b);
  const int inf = int(inf_of(s));
  const bool max = s.max, nan_wins = s.nan;
  const uint16_t keep = s.xorsign ? 0x7fff : 0xffff;
  for (unsigned i = 0; i < MOST; ++i) {
    const int x = a[i] & keep, y = b[i] & keep, p = x & 0x7fff, q = y & 0x7fff;
    const int key_x = x & 0x8000 ? -p - 1 : p, key_y = y & 0x8000 ? -q - 1 : q;
    const bool nan_x = p > inf, nan_y = q > inf;
    int best = (key_x < key_y) != max ? x : y;
    best = nan_x ? y : nan_y ? x : best;
    const int signed_best = (best & keep) | ((a[i] ^ b[i]) & 0x8000 & ~keep);
    r[i] = uint16_t((nan_x & nan_y) | (nan_wins & (nan_x | nan_y)) ? 0x7fff : signed_best);
  }
  store(w, in, s, r);
}
template <bool MAX>
Handler extremum(Form& f) {
  if (f.has("xorsign") != f.has("abs")) return nullptr;
  remember(f, MAX);
  return extreme_run;
}

// PTX leaves the NaN of abs and neg unspecified: an H200 gives the canonical one.
template <bool NEG>
void sign_run(Warp& w, const Instr& in) {
  const Shape s = shape(in);
  alignas(64) uint16_t v[MOST];
  load(w, in, s, 1, v);
  const uint16_t inf = uint16_t(inf_of(s));
  for (unsigned i = 0; i < MOST; ++i)
    v[i] = uint16_t((v[i] & 0x7fff) > inf ? 0x7fff : NEG ? v[i] ^ 0x8000 : v[i] & 0x7fff);
  store(w, in, s, v);
}
template <bool NEG>
Handler sign_op(Form& f) {
  remember(f);
  return sign_run<NEG>;
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
  if (f.type(1) == Type::f16)
    return sat ? rounded<OP<f16_t, true>::run>(f) : rounded<OP<f16_t, false>::run>(f);
  return sat ? rounded<OP<bf16_t, true>::run>(f) : rounded<OP<bf16_t, false>::run>(f);
}
template <class H, bool SAT>
struct MixedAdd {
  static void run(Warp& w, const Instr& in) { mixed_add<H, false, SAT>(w, in); }
};
template <class H, bool SAT>
struct MixedSub {
  static void run(Warp& w, const Instr& in) { mixed_add<H, true, SAT>(w, in); }
};
template <class H, bool SAT>
struct MixedFma {
  static void run(Warp& w, const Instr& in) { mixed_fma<H, SAT>(w, in); }
};

}  // namespace

#define PTX_HALF(name) "#half-precision-floating-point-instructions-" name
#define PTX_MIXED(name) "#mixed-precision-floating-point-instructions-" name
void add_rows(Rows& rows) {
  constexpr Scope L = Scope::LANE;
  constexpr TypeSet half = HALF | HALF2, mix = HALF | F32_ONLY;
  // clang-format off
  //        name   types modifiers              operands scope select               anchor
  rows.add({"add", half, "rn|ftz|sat",          D_A_B,   L, arithmetic<add, 2>,  PTX_HALF("add")});
  rows.add({"sub", half, "rn|ftz|sat",          D_A_B,   L, arithmetic<sub, 2>,  PTX_HALF("sub")});
  rows.add({"mul", half, "rn|ftz|sat",          D_A_B,   L, arithmetic<mul, 2>,  PTX_HALF("mul")});
  rows.add({"fma", half, "rn|ftz|sat|relu",     D_A_B_C, L, arithmetic<fma_, 3>, PTX_HALF("fma")});
  rows.add({"fma.rn.oob", half, "relu",         D_A_B_C, L, arithmetic<fma_, 3, true>, PTX_HALF("fma")});
  rows.add({"min", half, "ftz|NaN|xorsign|abs", D_A_B,   L, extremum<false>,     PTX_HALF("min")});
  rows.add({"max", half, "ftz|NaN|xorsign|abs", D_A_B,   L, extremum<true>,      PTX_HALF("max")});
  rows.add({"abs", half, "ftz",                 D_A,     L, sign_op<false>,      PTX_HALF("abs")});
  rows.add({"neg", half, "ftz",                 D_A,     L, sign_op<true>,       PTX_HALF("neg")});
  rows.add({"add", mix,  "rn|rz|rm|rp|sat",     D_A_B,   L, mixed<MixedAdd>,     PTX_MIXED("add")});
  rows.add({"sub", mix,  "rn|rz|rm|rp|sat",     D_A_B,   L, mixed<MixedSub>,     PTX_MIXED("sub")});
  rows.add({"fma", mix,  "rn|rz|rm|rp|sat",     D_A_B_C, L, mixed<MixedFma>,     PTX_MIXED("fma")});
  // clang-format on
}
#undef PTX_HALF
#undef PTX_MIXED

}  // namespace sim::half_chapter
