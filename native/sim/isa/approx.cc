// PTX ISA 9.7.3 Floating-Point Instructions whose result the ISA only bounds; the functions and their bounds
// are in numerics/approx.h.
#include "../numerics/approx.h"

#include "../numerics/half.h"
#include "arith.h"
#include "chapters.h"
#include "select.h"

namespace sim::approx_chapter {
namespace {

template <auto F, bool FTZ>
void f32_unary(Warp& w, const Instr& in) {
  map<float, float>(w, in, [](float a) { return modified<F, FTZ, false, float>(a); });
}
template <auto F>
Handler approx_1(Form& f) {
  if (!f.has("approx")) return nullptr;
  return f.has("ftz") ? f32_unary<F, true> : f32_unary<F, false>;
}
template <auto F, bool FTZ>
void f32_binary(Warp& w, const Instr& in) {
  map<float, float, float>(w, in, [](float a, float b) { return modified<F, FTZ, false, float>(a, b); });
}
Handler div(Form& f) {
  const bool ftz = f.has("ftz");
  if (f.has("approx")) return ftz ? f32_binary<approx::div, true> : f32_binary<approx::div, false>;
  if (f.has("full")) return ftz ? f32_binary<approx::div_full, true> : f32_binary<approx::div_full, false>;
  return nullptr;
}
// Without .approx or a rounding these names do not exist for f32; rsqrt.approx.f64 and rcp.approx.ftz.f64
// give a double whose low word is 0.
template <auto F, bool FTZ>
void coarse_run(Warp& w, const Instr& in) {
  map<double, double>(w, in, [](double a) {
    const uint64_t least = 0x0010000000000000ull, sign = 0x8000000000000000ull;
    uint64_t u = bits(a);
    if (FTZ && (u & ~sign) < least) u &= sign;
    uint64_t r = bits(F(f64(u))) & 0xffffffff00000000ull;
    if (FTZ && (r & ~sign) < least) r &= sign;
    const bool nan = (r & ~sign) > 0x7ff0000000000000ull;
    if (FTZ) return f64(nan || a != a ? 0x7fffffff00000000ull : r);
    return f64(a != a ? u | 0x0008000000000000ull : r);  // a NaN comes out whole
  });
}
template <auto F>
Handler coarse_f64(Form& f) {
  if (!f.has("approx")) return nullptr;
  return f.has("ftz") ? coarse_run<F, true> : coarse_run<F, false>;
}
// The unit reads the operand's upper word only: an H200's results lie two words above the others' where the
// lower word is large (fixtures/hw/h200/approx).
constexpr auto rcp_double = [](double a) { return 1.0 / f64(bits(a) & 0xffffffff00000000ull); };
constexpr auto rsqrt_double = [](double a) { return 1.0 / std::sqrt(a); };

// ex2 and tanh of f16 and bf16: the f32 function, rounded once more. Scalars are pairs whose upper half is
// cleared.
template <auto F>
void half_unary(Warp& w, const Instr& in) {
  const bool bf16 = in.aux & 1, pair = in.aux & 2, ftz = in.aux & 4;
  uint32_t t[LANES];
  const uint32_t* a = w.op<uint32_t>(in, 1);
  for (unsigned l = 0; l < LANES; ++l) {
    uint32_t r = 0;
    for (unsigned k = 0; k < (pair ? 2u : 1u); ++k) {
      const uint32_t h = a[l] >> (16 * k) & 0xffff;
      const uint32_t u = bits(F(bf16 ? bf16_to_f32(h) : f16_to_f32(h)));
      const uint32_t v = bf16 ? f32_to_bf16_rn(u) : f32_to_f16_rn(u);
      r |= (ftz && !(v & 0x7f80) ? v & 0x8000 : v) << (16 * k);  // .ftz is for bf16 alone
    }
    t[l] = r;
  }
  blend(w.op<uint32_t>(in, 0), t, w.exec);
}
template <auto F>
Handler half_approx(Form& f) {
  const Type t = f.type();
  f.aux = (t == Type::bf16 || t == Type::bf16x2 ? 1 : 0) | (t == Type::f16x2 || t == Type::bf16x2 ? 2 : 0) |
          ((t == Type::bf16 || t == Type::bf16x2) && f.has("ftz") ? 4 : 0);
  return half_unary<F>;
}

}  // namespace

#define PTX(name) "#floating-point-instructions-" name
#define PTX_HALF(name) "#half-precision-floating-point-instructions-" name
void add_rows(Rows& rows) {
  constexpr Scope L = Scope::LANE;
  constexpr TypeSet half = HALF | HALF2;
  // clang-format off
  //        name     types     modifiers          operands scope select                     anchor
  rows.add({"div",   F32_ONLY, "approx|full|ftz", D_A_B, L, div,                       PTX("div")});
  rows.add({"rcp",   F32_ONLY, "approx|ftz",      D_A,   L, approx_1<approx::rcp>,     PTX("rcp")});
  rows.add({"rcp",   F64_ONLY, "approx|ftz",      D_A,   L, coarse_f64<rcp_double>,    PTX("rcp-approx-ftz-f64")});
  rows.add({"sqrt",  F32_ONLY, "approx|ftz",      D_A,   L, approx_1<approx::sqrt>,    PTX("sqrt")});
  rows.add({"rsqrt", F32_ONLY, "approx|ftz",      D_A,   L, approx_1<approx::rsqrt>,   PTX("rsqrt")});
  rows.add({"rsqrt", F64_ONLY, "approx|ftz",      D_A,   L, coarse_f64<rsqrt_double>,  PTX("rsqrt-approx-ftz-f64")});
  rows.add({"sin",   F32_ONLY, "approx|ftz",      D_A,   L, approx_1<approx::sin>,     PTX("sin")});
  rows.add({"cos",   F32_ONLY, "approx|ftz",      D_A,   L, approx_1<approx::cos>,     PTX("cos")});
  rows.add({"lg2",   F32_ONLY, "approx|ftz",      D_A,   L, approx_1<approx::lg2>,     PTX("lg2")});
  rows.add({"ex2",   F32_ONLY, "approx|ftz",      D_A,   L, approx_1<approx::ex2>,     PTX("ex2")});
  rows.add({"tanh",  F32_ONLY, "approx",          D_A,   L, approx_1<approx::tanh>,    PTX("tanh")});
  rows.add({"ex2",   half,     "approx|ftz",      D_A,   L, half_approx<approx::ex2>,  PTX_HALF("ex2")});
  rows.add({"tanh",  half,     "approx",          D_A,   L, half_approx<approx::tanh>, PTX_HALF("tanh")});
  // clang-format on
}
#undef PTX
#undef PTX_HALF

}  // namespace sim::approx_chapter
