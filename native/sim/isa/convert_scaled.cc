// PTX ISA 9.7.9 Data Movement and Conversion: cvt of four values with random bits, cvt with scale factors and
// the fixed-point s2f6 (PTX 9.1 and 9.2), and cvt.pack.
#include "../numerics/half.h"
#include "chapters.h"
#include "select.h"

namespace sim::convert_scaled_chapter {
namespace {

// ---- cvt.rs.satfinite.<format>x4.f32 d, {a, b, e, f}, rbits: a goes to the top. Each value has 16 random bits,
// the upper half of rbits for a and b, the lower for e and f; e2m1 has 8: the upper byte of either half for a and
// b, the lower for e and f. They are added right below the last bit kept. (The ISA draws which byte is a's and
// which b's in a figure only: here the upper half of rbits belongs to the first of the two.)
template <const Format& F, bool RELU>
void four_stochastic(Warp& w, const Instr& in) {
  constexpr bool fp4 = F.bits() == 4;
  constexpr unsigned n = fp4 ? 8 : 16, step = fp4 ? 4 : 8;
  constexpr unsigned at[4] = {fp4 ? 24 : 16, fp4 ? 8 : 16, fp4 ? 16 : 0, 0};
  const uint32_t* random = w.op<uint32_t>(in, 5);
  uint32_t t[LANES] = {};
  for (unsigned k = 0; k < 4; ++k) {
    const uint32_t* v = w.op<uint32_t>(in, 1 + k);
    for (unsigned l = 0; l < LANES; ++l)
      t[l] |= encode<F, Round::RS, true, RELU>(v[l], random[l] >> at[k] & ((1u << n) - 1), n) << (step * (3 - k));
  }
  blend(w.op<uint32_t>(in, 0), t, w.exec);
}
Handler to_four(Form& f) {
  if (f.n_types() != 2 || f.type(1) != Type::f32 || f.operand.size() != 6 || !f.has("satfinite")) return nullptr;
  const bool relu = f.has("relu");
  switch (f.type(0)) {
    case Type::e4m3x4:
      return relu ? four_stochastic<E4M3, true> : four_stochastic<E4M3, false>;
    case Type::e5m2x4:
      return relu ? four_stochastic<E5M2, true> : four_stochastic<E5M2, false>;
    case Type::e2m3x4:
      return relu ? four_stochastic<E2M3, true> : four_stochastic<E2M3, false>;
    case Type::e3m2x4:
      return relu ? four_stochastic<E3M2, true> : four_stochastic<E3M2, false>;
    case Type::e2m1x4:
      return relu ? four_stochastic<E2M1, true> : four_stochastic<E2M1, false>;
    default:
      return nullptr;
  }
}

// ---- with scale factors
// 2^(code - 127); 0xff is NaN
double scale_of(uint32_t code) { return code == 0xff ? NAN : std::ldexp(1.0, int(code) - 127); }

// s2f6: an 8-bit integer in units of 1/64, NaN gives the largest value.
uint32_t encode_s2f6(double x, bool relu) {
  if (x != x) return 0x7f;
  const double n = x >= 2 ? 127 : x <= -2 ? -128 : __builtin_nearbyint(x * 64);
  return uint32_t(int32_t(relu && n < 0 ? 0 : n > 127 ? 127 : n)) & 0xff;
}
double decode_s2f6(uint32_t code) { return double(int8_t(code)) / 64; }

template <const Format& F>
double decode_narrow(uint32_t code) {
  return double(f32(decode<F>(code & (2 * F.sign() - 1))));
}

// Unpacked from Instr::aux. scale: operand of the packed factors, 0 when there is none.
struct Shape {
  uint8_t scale, relu, satfinite, bf16, step, pad[3];
};
Shape shape(const Instr& in) { return __builtin_bit_cast(Shape, in.aux); }
double factor(Warp& w, const Instr& in, const Shape& s, unsigned lane, unsigned half) {
  return s.scale ? scale_of(w.op<uint32_t>(in, s.scale)[lane] >> 8 * half & 0xff) : 1.0;
}

// d = {convert(high) * scale, convert(low) * scale} as bf16. All values and products are exact in double.
template <double (*DECODE)(uint32_t)>
void to_bf16(Warp& w, const Instr& in) {
  const Shape s = shape(in);
  const uint32_t *a = w.op<uint32_t>(in, 1), mask = (1u << s.step) - 1;
  uint32_t t[LANES];
  for (unsigned l = 0; l < LANES; ++l) {
    t[l] = 0;
    for (unsigned k = 0; k < 2; ++k) {
      uint32_t h = f64_to_bf16_rn(DECODE(a[l] >> (s.step * k) & mask) * factor(w, in, s, l, k));
      if (s.satfinite && (h & 0x7fff) == 0x7f80) --h;
      if (s.relu && (h & 0x8000) && (h & 0x7fff) <= 0x7f80) h = 0;
      t[l] |= h << 16 * k;
    }
  }
  blend(w.op<uint32_t>(in, 0), t, w.exec);
}
void to_s2f6(Warp& w, const Instr& in) {
  const Shape s = shape(in);
  const uint32_t *a = w.op<uint32_t>(in, 1), *b = w.op<uint32_t>(in, 2);
  uint32_t t[LANES];
  for (unsigned l = 0; l < LANES; ++l) {
    const float high = s.bf16 ? f32(a[l] & 0xffff0000u) : f32(a[l]), low = s.bf16 ? f32(a[l] << 16) : f32(b[l]);
    t[l] = encode_s2f6(double(high) / factor(w, in, s, l, 1), s.relu) << 8 |
           encode_s2f6(double(low) / factor(w, in, s, l, 0), s.relu);
  }
  blend(w.op<uint32_t>(in, 0), t, w.exec);
}
// The scale factors stand last, and with their qualifier only.
bool scaled(Form& f, size_t plain, Shape& s) {
  const bool named = f.has("scaled::n2::ue8m0");
  if (f.operand.size() != plain + named) return false;
  s.relu = f.has("relu"), s.satfinite = f.has("satfinite"), s.scale = uint8_t(named ? plain : 0);
  return true;
}
Handler narrow_to_bf16(Form& f) {
  Shape s{};
  if (f.n_types() != 2 || f.type(0) != Type::bf16x2 || !scaled(f, 2, s)) return nullptr;
  s.step = f.type(1) == Type::e2m1x2 ? 4 : 8;
  f.aux = __builtin_bit_cast(uint64_t, s);
  switch (f.type(1)) {
    case Type::e4m3x2:
      return to_bf16<decode_narrow<E4M3>>;
    case Type::e5m2x2:
      return to_bf16<decode_narrow<E5M2>>;
    case Type::e2m3x2:
      return to_bf16<decode_narrow<E2M3>>;
    case Type::e3m2x2:
      return to_bf16<decode_narrow<E3M2>>;
    case Type::e2m1x2:
      return to_bf16<decode_narrow<E2M1>>;
    case Type::s2f6x2:
      return to_bf16<decode_s2f6>;
    default:
      return nullptr;
  }
}
Handler fixed_point(Form& f) {
  if (f.n_types() != 2 || f.type(0) != Type::s2f6x2 || !f.has("satfinite")) return nullptr;
  Shape s{};
  s.bf16 = f.type(1) == Type::bf16x2;
  if ((!s.bf16 && f.type(1) != Type::f32) || !scaled(f, s.bf16 ? 2 : 3, s)) return nullptr;
  f.aux = __builtin_bit_cast(uint64_t, s);
  return to_s2f6;
}

// ---- cvt.pack.sat.<type>.s32 d, a, b{, c}: a above b in the low bits, c moved up above them
template <unsigned BITS, bool SIGNED, bool MERGE>
void pack_integers(Warp& w, const Instr& in) {
  constexpr int32_t lo = SIGNED ? -(1 << (BITS - 1)) : 0, hi = SIGNED ? (1 << (BITS - 1)) - 1 : (1 << BITS) - 1;
  constexpr uint32_t mask = (1u << BITS) - 1;
  auto two = [](int32_t a, int32_t b) {
    const int32_t x = a < lo ? lo : a > hi ? hi : a, y = b < lo ? lo : b > hi ? hi : b;
    return (uint32_t(x) & mask) << BITS | (uint32_t(y) & mask);
  };
  if constexpr (MERGE)
    map<uint32_t, int32_t, int32_t, uint32_t>(
        w, in, [&](int32_t a, int32_t b, uint32_t c) { return two(a, b) | c << (2 * BITS); });
  else
    map<uint32_t, int32_t, int32_t>(w, in, two);
}
Handler pack(Form& f) {
  const bool merge = f.operand.size() == 4;
  if (merge ? f.n_types() != 3 : f.n_types() != 2) return nullptr;
  if (f.type(1) != Type::s32) return nullptr;
  switch (f.type(0)) {
    case Type::u16:
      return merge ? nullptr : pack_integers<16, false, false>;
    case Type::s16:
      return merge ? nullptr : pack_integers<16, true, false>;
    case Type::u8:
      return merge ? pack_integers<8, false, true> : nullptr;
    case Type::s8:
      return merge ? pack_integers<8, true, true> : nullptr;
    case Type::u4:
      return merge ? pack_integers<4, false, true> : nullptr;
    case Type::s4:
      return merge ? pack_integers<4, true, true> : nullptr;
    case Type::u2:
      return merge ? pack_integers<2, false, true> : nullptr;
    case Type::s2:
      return merge ? pack_integers<2, true, true> : nullptr;
    default:
      return nullptr;
  }
}

}  // namespace

#define PTX(name) "#data-movement-and-conversion-instructions-" name
void add_rows(Rows& rows) {
  constexpr Scope L = Scope::LANE;
  constexpr Pattern D_FOUR_R{3, 3}, D_A_TO_S{2, 4}, D_A_B_TO_C{3, 4};
  constexpr TypeSet four = types({Type::e4m3x4, Type::e5m2x4, Type::e2m3x4, Type::e3m2x4, Type::e2m1x4}),
                    two = types({Type::bf16x2, Type::e4m3x2, Type::e5m2x2, Type::e2m3x2, Type::e3m2x2, Type::e2m1x2,
                                 Type::s2f6x2}),
                    fixed = types({Type::s2f6x2, Type::bf16x2, Type::f32}),
                    ints = types({Type::u16, Type::s16, Type::u8, Type::s8, Type::u4, Type::s4, Type::u2, Type::s2,
                                  Type::s32, Type::b32});
  // clang-format off
  //        name            types            modifiers                              operands    scope select          anchor
  rows.add({"cvt",          four | F32_ONLY, "rs|relu|satfinite",                   D_FOUR_R,   L, to_four,        PTX("cvt")});
  rows.add({"cvt",          two,             "rn|relu|satfinite|scaled::n2::ue8m0", D_A_TO_S,   L, narrow_to_bf16, PTX("cvt")});
  rows.add({"cvt",          fixed,           "rn|relu|satfinite|scaled::n2::ue8m0", D_A_TO_S,   L, fixed_point,    PTX("cvt")});
  rows.add({"cvt.pack.sat", ints,            "",                                    D_A_B_TO_C, L, pack,           PTX("cvt-pack")});
  // clang-format on
}
#undef PTX

}  // namespace sim::convert_scaled_chapter
