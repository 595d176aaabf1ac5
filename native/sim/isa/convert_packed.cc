// PTX ISA 9.7.9 Data Movement and Conversion: cvt to and from the narrow and packed formats.
#include "../numerics/half.h"
#include "chapters.h"
#include "select.h"

namespace sim {
namespace {

// Half results: .rn and .rz, with .relu and .satfinite. The plain .rn goes the short way.
template <const Format& F, Round R, bool SATFINITE, bool RELU>
uint32_t to_half(uint32_t u) {
  if constexpr (R == Round::RN && !SATFINITE && !RELU) return F.mantissa == 10 ? f32_to_f16_rn(u) : f32_to_bf16_rn(u);
  else return encode<F, R, SATFINITE, RELU>(u);
}
template <const Format& F, Round R, bool S, bool RL>
void half_from_f32(Warp& w, const Instr& in) {
  map<uint32_t, uint32_t>(w, in, inlined<to_half<F, R, S, RL>>);
}
template <const Format& F, Round R, bool S, bool RL>
void pair_from_f32(Warp& w, const Instr& in) {
  map<uint32_t, uint32_t, uint32_t>(w, in, [](uint32_t a, uint32_t b) { return to_half<F, R, S, RL>(a) << 16 | to_half<F, R, S, RL>(b); });
}
// .rs: f16 takes the low 13 bits of each half of rbits, bf16 all 16; a's are the upper half.
template <const Format& F, Round, bool S, bool RL>
void pair_stochastic(Warp& w, const Instr& in) {
  constexpr unsigned n = 23 - F.mantissa;
  map<uint32_t, uint32_t, uint32_t, uint32_t>(w, in, [](uint32_t a, uint32_t b, uint32_t random) {
    constexpr uint32_t mask = (1u << n) - 1;
    return encode<F, Round::RS, S, RL>(a, random >> 16 & mask, n) << 16 | encode<F, Round::RS, S, RL>(b, random & mask, n);
  });
}
// tf32 lies in the upper 19 bits of a 32-bit register.
template <const Format& F, Round R, bool S, bool RL>
void tf32_from_f32(Warp& w, const Instr& in) {
  map<uint32_t, uint32_t>(w, in, [](uint32_t a) { return is_nan32(a) ? F32_NAN : encode<TF32, R, S, RL>(a) << 13; });
}

#define SIM_PICK_SR(BODY, F, R)                                                                                      \
  (f.has("satfinite") ? (f.has("relu") ? BODY<F, Round::R, true, true> : BODY<F, Round::R, true, false>)              \
                      : f.has("relu") ? BODY<F, Round::R, false, true> : BODY<F, Round::R, false, false>)

template <const Format& F>
Handler half_of(Form& f) {
  return f.has("rz") ? SIM_PICK_SR(half_from_f32, F, RZ) : SIM_PICK_SR(half_from_f32, F, RN);
}
Handler to_half_scalar(Form& f) {
  if (f.n_types() != 2 || f.type(1) != Type::f32) return nullptr;
  return f.type() == Type::f16 ? half_of<F16>(f) : half_of<BF16>(f);
}
template <const Format& F>
Handler pair_of(Form& f) {
  if (f.has("rs")) return f.operand.size() == 4 ? SIM_PICK_SR(pair_stochastic, F, RS) : nullptr;
  if (f.operand.size() != 3) return nullptr;
  return f.has("rz") ? SIM_PICK_SR(pair_from_f32, F, RZ) : SIM_PICK_SR(pair_from_f32, F, RN);
}
Handler to_half_pair(Form& f) {
  if (f.n_types() != 2 || f.type(1) != Type::f32) return nullptr;
  return f.type() == Type::f16x2 ? pair_of<F16>(f) : pair_of<BF16>(f);
}
Handler to_tf32(Form& f) {
  if (f.n_types() != 2 || f.type(1) != Type::f32) return nullptr;
  return f.has("rna") ? SIM_PICK_SR(tf32_from_f32, TF32, RNA) : f.has("rz") ? SIM_PICK_SR(tf32_from_f32, TF32, RZ)
                                                                          : SIM_PICK_SR(tf32_from_f32, TF32, RN);
}

// ---- 8, 6 and 4 bits, always .satfinite; two results share a register, each in F.bits() rounded up to a container of STEP bits
template <const Format& F, bool RL>
void narrow_pair_f32(Warp& w, const Instr& in) {
  constexpr unsigned step = F.bits() == 4 ? 4 : 8;
  map<uint32_t, uint32_t, uint32_t>(
      w, in, [](uint32_t a, uint32_t b) { return encode<F, Round::RN, true, RL>(a) << step | encode<F, Round::RN, true, RL>(b); });
}
template <const Format& F, bool RL>
void narrow_pair_f16(Warp& w, const Instr& in) {
  constexpr unsigned step = F.bits() == 4 ? 4 : 8;
  map<uint32_t, uint32_t>(w, in, [](uint32_t a) {
    return encode<F, Round::RN, true, RL>(bits(f16_to_f32(a >> 16))) << step |
           encode<F, Round::RN, true, RL>(bits(f16_to_f32(a & 0xffff)));
  });
}
template <const Format& F, bool RL>
void narrow_pair_bf16(Warp& w, const Instr& in) {
  constexpr unsigned step = F.bits() == 4 ? 4 : 8;
  map<uint32_t, uint32_t>(w, in, [](uint32_t a) {
    return encode<F, Round::RN, true, RL>(a & 0xffff0000u) << step | encode<F, Round::RN, true, RL>(a << 16);
  });
}
// Every value of these formats is an f16: a table of codes, made from the definition once.
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
template <const Format& F, bool RL>
void widen_pair(Warp& w, const Instr& in) {
  constexpr unsigned step = F.bits() == 4 ? 4 : 8;
  constexpr uint32_t mask = (1u << step) - 1;
  const uint16_t* table = f16_table<F>();
  const uint32_t* a = w.op<uint32_t>(in, 1);
  uint32_t t[LANES];
  SIM_EACH_LANE(l) {
    uint32_t hi = table[a[l] >> step & mask], lo = table[a[l] & mask];
    if constexpr (RL) {
      hi = hi > 0x8000 || hi == 0x8000 ? 0 : hi;
      lo = lo > 0x8000 || lo == 0x8000 ? 0 : lo;
    }
    t[l] = hi << 16 | lo;
  }
  blend(w.op<uint32_t>(in, 0), t, w.exec);
}
template <const Format& F>
Handler narrow_of(Form& f) {
  const bool relu = f.has("relu");
  if (f.type(1) == Type::f32 && f.operand.size() == 3) return relu ? narrow_pair_f32<F, true> : narrow_pair_f32<F, false>;
  if (f.operand.size() != 2) return nullptr;
  if (f.type(1) == Type::f16x2) return relu ? narrow_pair_f16<F, true> : narrow_pair_f16<F, false>;
  if (f.type(1) == Type::bf16x2) return relu ? narrow_pair_bf16<F, true> : narrow_pair_bf16<F, false>;
  return nullptr;
}
template <const Format& F>
Handler widen_of(Form& f) {
  return f.has("relu") ? widen_pair<F, true> : widen_pair<F, false>;
}
Handler to_narrow(Form& f) {
  if (f.n_types() != 2 || !f.has("satfinite")) return nullptr;
  switch (f.type(0)) {
    case Type::e4m3x2: return narrow_of<E4M3>(f);
    case Type::e5m2x2: return narrow_of<E5M2>(f);
    case Type::e2m3x2: return narrow_of<E2M3>(f);
    case Type::e3m2x2: return narrow_of<E3M2>(f);
    case Type::e2m1x2: return narrow_of<E2M1>(f);
    default: return nullptr;
  }
}
Handler from_narrow(Form& f) {
  if (f.n_types() != 2 || f.type(0) != Type::f16x2) return nullptr;
  switch (f.type(1)) {
    case Type::e4m3x2: return widen_of<E4M3>(f);
    case Type::e5m2x2: return widen_of<E5M2>(f);
    case Type::e2m3x2: return widen_of<E2M3>(f);
    case Type::e3m2x2: return widen_of<E3M2>(f);
    case Type::e2m1x2: return widen_of<E2M1>(f);
    default: return nullptr;
  }
}

// ---- scale exponents
template <bool UP, bool S>
void ue8m0_f32(Warp& w, const Instr& in) {
  map<uint32_t, uint32_t, uint32_t>(w, in, [](uint32_t a, uint32_t b) { return encode_ue8m0<UP, S>(a) << 8 | encode_ue8m0<UP, S>(b); });
}
template <bool UP, bool S>
void ue8m0_bf16(Warp& w, const Instr& in) {
  map<uint32_t, uint32_t>(w, in, [](uint32_t a) { return encode_ue8m0<UP, S>(a & 0xffff0000u) << 8 | encode_ue8m0<UP, S>(a << 16); });
}
Handler to_ue8m0(Form& f) {
  if (f.n_types() != 2 || f.type(0) != Type::ue8m0x2 || f.has("rp") == f.has("rz")) return nullptr;
  const bool up = f.has("rp"), s = f.has("satfinite");
  if (f.type(1) == Type::f32 && f.operand.size() == 3)
    return up ? (s ? ue8m0_f32<true, true> : ue8m0_f32<true, false>) : s ? ue8m0_f32<false, true> : ue8m0_f32<false, false>;
  if (f.type(1) == Type::bf16x2 && f.operand.size() == 2)
    return up ? (s ? ue8m0_bf16<true, true> : ue8m0_bf16<true, false>) : s ? ue8m0_bf16<false, true> : ue8m0_bf16<false, false>;
  return nullptr;
}
void from_ue8m0(Warp& w, const Instr& in) {
  map<uint32_t, uint32_t>(
      w, in, [](uint32_t a) { return decode_ue8m0_to_bf16(a >> 8 & 0xff) << 16 | decode_ue8m0_to_bf16(a & 0xff); });
}
Handler widen_ue8m0(Form& f) {
  return f.n_types() == 2 && f.type(0) == Type::bf16x2 && f.type(1) == Type::ue8m0x2 ? from_ue8m0 : nullptr;
}

}  // namespace

void convert_packed_rows(Rows& rows) {
  constexpr Scope L = Scope::LANE;
  constexpr Pattern D_A_TO_R{3, 4}, D_A_OR_B{2, 3};
  constexpr TypeSet f32 = F32_ONLY, narrow = types({Type::e4m3x2, Type::e5m2x2, Type::e2m3x2, Type::e3m2x2, Type::e2m1x2}),
                    tf32 = types({Type::tf32}), ue8 = types({Type::ue8m0x2});
  constexpr const char* anchor = "#data-movement-and-conversion-instructions-cvt";
  //        name   types               modifiers                    operands   scope  select        anchor
  rows.add({"cvt", HALF | f32,         "rn|rz|relu|satfinite",      D_A,       L,  to_half_scalar,  anchor});
  rows.add({"cvt", HALF2 | f32,        "rn|rz|rs|relu|satfinite",   D_A_TO_R,  L,  to_half_pair,    anchor});
  rows.add({"cvt", tf32 | f32,         "rna|rn|rz|relu|satfinite",  D_A,       L,  to_tf32,         anchor});
  rows.add({"cvt", narrow | f32,       "rn|relu|satfinite",         D_A_B,     L,  to_narrow,       anchor});
  rows.add({"cvt", narrow | HALF2,     "rn|relu|satfinite",         D_A_OR_B,  L,  to_narrow,       anchor});
  rows.add({"cvt", narrow | HALF2,     "rn|relu",                   D_A,       L,  from_narrow,     anchor});
  rows.add({"cvt", ue8 | f32 | HALF2,  "rz|rp|satfinite",           D_A_OR_B,  L,  to_ue8m0,        anchor});
  rows.add({"cvt", ue8 | HALF2,        "rn",                        D_A,       L,  widen_ue8m0,     anchor});
}

}  // namespace sim
