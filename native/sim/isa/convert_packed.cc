// PTX ISA 9.7.9 Data Movement and Conversion: cvt to and from the narrow and packed formats.
#include "../numerics/half.h"
#include "chapters.h"
#include "select.h"

namespace sim::convert_packed_chapter {
namespace {

// 32 f32 values to codes: one loop a format and rounding. Modifiers are steps before (.relu) and after
// (.satfinite of the halves).
using Encode = void (*)(const uint32_t* from, uint32_t* to);
template <const Format& F, Round R, bool SATFINITE>
void encode_all(const uint32_t* from, uint32_t* to) {
  SIM_EACH_LANE(l) to[l] = encode<F, R, SATFINITE>(from[l]);
}
enum Target : uint8_t {
  f16_rn,
  f16_rz,
  bf16_rn,
  bf16_rz,
  tf32_rn,
  tf32_rz,
  tf32_rna,
  e4m3,
  e5m2,
  e2m3,
  e3m2,
  e2m1,
  none
};
constexpr Encode ENCODERS[] = {encode_all<F16, Round::RN, false>,   encode_all<F16, Round::RZ, false>,
                               encode_all<BF16, Round::RN, false>,  encode_all<BF16, Round::RZ, false>,
                               encode_all<TF32, Round::RN, false>,  encode_all<TF32, Round::RZ, false>,
                               encode_all<TF32, Round::RNA, false>, encode_all<E4M3, Round::RN, true>,
                               encode_all<E5M2, Round::RN, true>,   encode_all<E2M3, Round::RN, true>,
                               encode_all<E3M2, Round::RN, true>,   encode_all<E2M1, Round::RN, true>};

// Unpacked from Instr::aux. step: distance of the two results in the register, 0 when there is only one.
struct Shape {
  uint8_t target, source, relu, satfinite, step, pad[3];
};
Shape shape(const Instr& in) { return __builtin_bit_cast(Shape, in.aux); }

void relu(uint32_t* v) {  // negative numbers become +0, NaN stays
  SIM_EACH_LANE(l) v[l] = (v[l] & 0x80000000u) && !is_nan32(v[l]) ? 0u : v[l];
}
void one_result(const Shape& s, const uint32_t* from, uint32_t* code) {
  uint32_t v[LANES];
  std::memcpy(v, from, sizeof v);
  if (s.relu) relu(v);
  ENCODERS[s.target](v, code);
  if (s.satfinite && s.target <= tf32_rna) {
    const uint32_t inf = s.target <= f16_rz ? 0x7c00u : s.target <= bf16_rz ? 0x7f80u : 0x3fc00u;
    const uint32_t magnitude = s.target <= bf16_rz ? 0x7fffu : 0x3ffffu;
    SIM_EACH_LANE(l)
    code[l] -= (code[l] & magnitude) == inf ? 1u : 0u;  // the code below is the largest finite one
  }
}
void scalar(Warp& w, const Instr& in) {
  uint32_t t[LANES];
  one_result(shape(in), w.op<uint32_t>(in, 1), t);
  blend(w.op<uint32_t>(in, 0), t, w.exec);
}
// tf32 lies in the upper 19 bits of a 32-bit register.
void to_tf32_run(Warp& w, const Instr& in) {
  uint32_t t[LANES];
  const uint32_t* a = w.op<uint32_t>(in, 1);
  one_result(shape(in), a, t);
  const Shape s = shape(in);
  // What a NaN becomes is an H200's answer: .rna cuts its bits, and .satfinite steps back from there.
  const bool rna = s.target == tf32_rna;
  SIM_EACH_LANE(l) {
    const uint32_t cut = a[l] & 0xffffe000u, nan = rna ? s.satfinite ? cut - 0x2000 : cut : 0x7fffe000u;
    t[l] = is_nan32(a[l]) ? nan : t[l] << 13;
  }
  blend(w.op<uint32_t>(in, 0), t, w.exec);
}
// Two results: from two f32 operands (the first goes up), or from the halves of one.
void pair(Warp& w, const Instr& in) {
  const Shape s = shape(in);
  const uint32_t *a = w.op<uint32_t>(in, 1), *b = w.op<uint32_t>(in, 2);
  uint32_t high[LANES], low[LANES];
  if (Type(s.source) != Type::f32) {
    uint32_t up[LANES], down[LANES];
    if (Type(s.source) == Type::f16x2)
      SIM_EACH_LANE(l) up[l] = bits(f16_to_f32(a[l] >> 16)), down[l] = bits(f16_to_f32(a[l] & 0xffff));
    else
      SIM_EACH_LANE(l) up[l] = a[l] & 0xffff0000u, down[l] = a[l] << 16;
    one_result(s, up, high), one_result(s, down, low);
  } else {
    one_result(s, a, high), one_result(s, b, low);
  }
  const unsigned step = s.step;
  SIM_EACH_LANE(l) low[l] |= high[l] << step;
  blend(w.op<uint32_t>(in, 0), low, w.exec);
}
// The forms of inner loops, in one loop
template <auto F>
void pair_plain(Warp& w, const Instr& in) {
  map<uint32_t, uint32_t, uint32_t>(w, in, [](uint32_t a, uint32_t b) { return F(a) << 16 | F(b); });
}
void pair_e4m3(Warp& w, const Instr& in) {
  map<uint32_t, uint32_t, uint32_t>(w, in, [](uint32_t a, uint32_t b) {
    return encode<E4M3, Round::RN, true>(a) << 8 | encode<E4M3, Round::RN, true>(b);
  });
}
void pair_e2m1(Warp& w, const Instr& in) {
  map<uint32_t, uint32_t, uint32_t>(w, in, [](uint32_t a, uint32_t b) {
    return encode<E2M1, Round::RN, true>(a) << 4 | encode<E2M1, Round::RN, true>(b);
  });
}
// .rs: f16 takes the low 13 bits of each half of rbits, bf16 all 16; a's are the upper half.
template <const Format& F>
void pair_stochastic(Warp& w, const Instr& in) {
  constexpr unsigned n = 23 - F.mantissa;
  constexpr uint32_t mask = (1u << n) - 1;
  const Shape s = shape(in);
  const uint32_t* random = w.op<uint32_t>(in, 3);
  uint32_t code[2][LANES];
  for (unsigned k = 0; k < 2; ++k) {
    uint32_t v[LANES];
    std::memcpy(v, w.op<uint32_t>(in, 2 - k), sizeof v);
    if (s.relu) relu(v);
    SIM_EACH_LANE(l) code[k][l] = encode<F, Round::RS, false>(v[l], random[l] >> (16 * k) & mask, n);
    if (s.satfinite) SIM_EACH_LANE(l) code[k][l] -= (code[k][l] & 0x7fff) == F.inf ? 1u : 0u;
  }
  SIM_EACH_LANE(l) code[0][l] |= code[1][l] << 16;
  blend(w.op<uint32_t>(in, 0), code[0], w.exec);
}

void remember(Form& f, Target t, Type source, unsigned step) {
  f.aux = __builtin_bit_cast(uint64_t,
                             Shape{t, uint8_t(source), f.has("relu"), f.has("satfinite"), uint8_t(step), {}});
}
bool plain_rn(const Form& f) { return !f.has("rz") && !f.has("relu") && !f.has("satfinite"); }
Handler to_half_scalar(Form& f) {
  if (f.n_types() != 2 || f.type(1) != Type::f32 || f.operand.size() != 2) return nullptr;
  const bool z = f.has("rz");
  remember(f, f.type() == Type::f16 ? (z ? f16_rz : f16_rn) : z ? bf16_rz : bf16_rn, Type::f32, 0);
  return scalar;
}
Handler to_half_pair(Form& f) {
  if (f.n_types() != 2 || f.type(1) != Type::f32) return nullptr;
  const bool z = f.has("rz"), f16 = f.type() == Type::f16x2;
  remember(f, f16 ? (z ? f16_rz : f16_rn) : z ? bf16_rz : bf16_rn, Type::f32, 16);
  if (f.has("rs"))
    return f.operand.size() != 4 ? nullptr : f16 ? pair_stochastic<F16> : pair_stochastic<BF16>;
  if (f.operand.size() != 3) return nullptr;
  return !plain_rn(f) ? pair : f16 ? pair_plain<f32_to_f16_rn> : pair_plain<f32_to_bf16_rn>;
}
Handler to_tf32(Form& f) {
  if (f.n_types() != 2 || f.type(1) != Type::f32) return nullptr;
  remember(f, f.has("rna") ? tf32_rna : f.has("rz") ? tf32_rz : tf32_rn, Type::f32, 0);
  return to_tf32_run;
}
Target narrow_target(Type t) {
  switch (t) {
    case Type::e4m3x2:
      return e4m3;
    case Type::e5m2x2:
      return e5m2;
    case Type::e2m3x2:
      return e2m3;
    case Type::e3m2x2:
      return e3m2;
    case Type::e2m1x2:
      return e2m1;
    default:
      return none;
  }
}
Handler to_narrow(Form& f) {
  if (f.n_types() != 2 || !f.has("satfinite")) return nullptr;
  const Target t = narrow_target(f.type(0));
  const bool two = f.operand.size() == 3;
  if (t == none || two != (f.type(1) == Type::f32)) return nullptr;
  remember(f, t, f.type(1), t == e2m1 ? 4 : 8);
  if (two && !f.has("relu") && (t == e4m3 || t == e2m1)) return t == e4m3 ? pair_e4m3 : pair_e2m1;
  return pair;
}

// Every value of the narrow formats is an f16: a table of codes, made from the definition once.
template <const Format& F>
const uint16_t* f16_table() {
  static const auto table = [] {
    struct T {
      uint16_t v[256];
    } t;
    for (uint32_t c = 0; c < 256; ++c) t.v[c] = uint16_t(f32_to_f16_rn(decode<F>(c & (2 * F.sign() - 1))));
    return t;
  }();
  return table.v;
}
const uint16_t* table_of(uint8_t target) {
  switch (target) {
    case e4m3:
      return f16_table<E4M3>();
    case e5m2:
      return f16_table<E5M2>();
    case e2m3:
      return f16_table<E2M3>();
    case e3m2:
      return f16_table<E3M2>();
    default:
      return f16_table<E2M1>();
  }
}
void widen_pair(Warp& w, const Instr& in) {
  const Shape s = shape(in);
  const unsigned step = s.step, mask = (1u << step) - 1;
  const uint16_t* table = table_of(s.target);
  const uint32_t* a = w.op<uint32_t>(in, 1);
  uint32_t t[LANES];
  SIM_EACH_LANE(l) t[l] = uint32_t(table[a[l] >> step & mask]) << 16 | table[a[l] & mask];
  if (s.relu)
    SIM_EACH_LANE(l)
    t[l] &= ~((t[l] >> 15 & 0x10001u) * 0xffffu);  // a half with its sign set becomes 0; NaN has none
  blend(w.op<uint32_t>(in, 0), t, w.exec);
}
Handler from_narrow(Form& f) {
  if (f.n_types() != 2 || f.type(0) != Type::f16x2) return nullptr;
  const Target t = narrow_target(f.type(1));
  if (t == none) return nullptr;
  remember(f, t, f.type(1), t == e2m1 ? 4 : 8);
  return widen_pair;
}

// ---- scale exponents
template <bool UP, bool S>
void ue8m0_f32(Warp& w, const Instr& in) {
  map<uint32_t, uint32_t, uint32_t>(
      w, in, [](uint32_t a, uint32_t b) { return encode_ue8m0<UP, S>(a) << 8 | encode_ue8m0<UP, S>(b); });
}
template <bool UP, bool S>
void ue8m0_bf16(Warp& w, const Instr& in) {
  map<uint32_t, uint32_t>(w, in, [](uint32_t a) {
    return encode_ue8m0<UP, S>(a & 0xffff0000u) << 8 | encode_ue8m0<UP, S>(a << 16);
  });
}
Handler to_ue8m0(Form& f) {
  if (f.n_types() != 2 || f.type(0) != Type::ue8m0x2 || f.has("rp") == f.has("rz")) return nullptr;
  const bool up = f.has("rp"), s = f.has("satfinite");
  if (f.type(1) == Type::f32 && f.operand.size() == 3)
    return up  ? (s ? ue8m0_f32<true, true> : ue8m0_f32<true, false>)
           : s ? ue8m0_f32<false, true>
               : ue8m0_f32<false, false>;
  if (f.type(1) == Type::bf16x2 && f.operand.size() == 2)
    return up  ? (s ? ue8m0_bf16<true, true> : ue8m0_bf16<true, false>)
           : s ? ue8m0_bf16<false, true>
               : ue8m0_bf16<false, false>;
  return nullptr;
}
void from_ue8m0(Warp& w, const Instr& in) {
  map<uint32_t, uint32_t>(w, in, [](uint32_t a) {
    return decode_ue8m0_to_bf16(a >> 8 & 0xff) << 16 | decode_ue8m0_to_bf16(a & 0xff);
  });
}
Handler widen_ue8m0(Form& f) {
  return f.n_types() == 2 && f.type(0) == Type::bf16x2 && f.type(1) == Type::ue8m0x2 ? from_ue8m0 : nullptr;
}

}  // namespace

void add_rows(Rows& rows) {
  constexpr Scope L = Scope::LANE;
  constexpr Pattern D_A_TO_R{3, 4}, D_A_OR_B{2, 3};
  constexpr TypeSet f32 = F32_ONLY,
                    narrow = types({Type::e4m3x2, Type::e5m2x2, Type::e2m3x2, Type::e3m2x2, Type::e2m1x2}),
                    tf32 = types({Type::tf32}), ue8 = types({Type::ue8m0x2});
  constexpr const char* anchor = "#data-movement-and-conversion-instructions-cvt";
  // clang-format off
  //        name   types              modifiers                   operands  scope select          anchor
  rows.add({"cvt", HALF | f32,        "rn|rz|relu|satfinite",     D_A,      L, to_half_scalar, anchor});
  rows.add({"cvt", HALF2 | f32,       "rn|rz|rs|relu|satfinite",  D_A_TO_R, L, to_half_pair,   anchor});
  rows.add({"cvt", tf32 | f32,        "rna|rn|rz|relu|satfinite", D_A,      L, to_tf32,        anchor});
  rows.add({"cvt", narrow | f32,      "rn|relu|satfinite",        D_A_B,    L, to_narrow,      anchor});
  rows.add({"cvt", narrow | HALF2,    "rn|relu|satfinite",        D_A_OR_B, L, to_narrow,      anchor});
  rows.add({"cvt", narrow | HALF2,    "rn|relu",                  D_A,      L, from_narrow,    anchor});
  rows.add({"cvt", ue8 | f32 | HALF2, "rz|rp|satfinite",          D_A_OR_B, L, to_ue8m0,       anchor});
  rows.add({"cvt", ue8 | HALF2,       "rn",                       D_A,      L, widen_ue8m0,    anchor});
  // clang-format on
}

}  // namespace sim::convert_packed_chapter
