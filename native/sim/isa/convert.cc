// PTX ISA 9.7.9 Data Movement and Conversion: cvt among integers and the scalar floats.
#include "../numerics/half.h"
#include "chapters.h"
#include "select.h"

namespace sim::convert_chapter {
namespace {

// Every conversion is a chain of few lane loops through 64-bit intermediates, in which every value of every
// type is exact (64-bit integers apart, see below): load, then round or clamp, then store. The forms of inner
// loops have one loop of their own.
struct Shape {       // unpacked from Instr::aux
  uint8_t dst, src;  // ptx::Type
  uint8_t dst_bits,
      src_bits;  // declared widths: sources are cut to the type, integer results extended to the register
  uint8_t round, ftz, sat, pad;
};
Shape shape(const Instr& in) { return __builtin_bit_cast(Shape, in.aux); }

struct Range {
  __int128 lo, hi;
};
Range range_of(Type t) {
  const unsigned n = ptx::bits_of(t);
  const __int128 one = 1;
  return ptx::is_signed(t) ? Range{-(one << (n - 1)), (one << (n - 1)) - 1} : Range{0, (one << n) - 1};
}

// ---- integers as int64 (u64 as its bits)
template <class SW, bool SIGNED>
void load_integer(const void* from, unsigned bits, int64_t* v) {
  const SW* a = static_cast<const SW*>(from);
  const unsigned up = 64 - bits;
  SIM_EACH_LANE(l) {
    const uint64_t x = uint64_t(a[l]) << up;
    v[l] = SIGNED ? int64_t(x) >> up : int64_t(x >> up);
  }
}
void load_integer(Warp& w, const Instr& in, const Shape& s, int64_t* v) {
  const void* from = w.op<void>(in, 1);
  const unsigned n = ptx::bits_of(Type(s.src));
  if (s.src_bits == 64)
    ptx::is_signed(Type(s.src)) ? load_integer<uint64_t, true>(from, n, v)
                                : load_integer<uint64_t, false>(from, n, v);
  else
    ptx::is_signed(Type(s.src)) ? load_integer<uint32_t, true>(from, n, v)
                                : load_integer<uint32_t, false>(from, n, v);
}
void store_integer(Warp& w, const Instr& in, const Shape& s, int64_t* v) {
  const unsigned n = ptx::bits_of(Type(s.dst)), up = 64 - n;
  if (ptx::is_signed(Type(s.dst)))
    SIM_EACH_LANE(l) v[l] = int64_t(uint64_t(v[l]) << up) >> up;
  else
    SIM_EACH_LANE(l) v[l] = int64_t(uint64_t(v[l]) << up >> up);
  if (s.dst_bits == 64) return blend(w.op<uint64_t>(in, 0), reinterpret_cast<uint64_t*>(v), w.exec);
  const uint32_t keep = s.dst_bits == 32 ? ~0u : (1u << s.dst_bits) - 1;
  uint32_t t[LANES];
  SIM_EACH_LANE(l) t[l] = uint32_t(v[l]) & keep;
  blend(w.op<uint32_t>(in, 0), t, w.exec);
}
void integer_to_integer(Warp& w, const Instr& in) {
  const Shape s = shape(in);
  int64_t v[LANES];
  load_integer(w, in, s, v);
  if (s.sat) {
    const Range r = range_of(Type(s.dst));
    const bool is_u64 = Type(s.src) == Type::u64;
    for (unsigned l = 0; l < LANES; ++l) {
      const __int128 x = is_u64 ? __int128(uint64_t(v[l])) : __int128(v[l]);
      v[l] = int64_t(x < r.lo ? r.lo : x > r.hi ? r.hi : x);
    }
  }
  store_integer(w, in, s, v);
}

// ---- floats as doubles
void load_float(Warp& w, const Instr& in, const Shape& s, double* x) {
  const uint32_t* a = w.op<uint32_t>(in, 1);
  switch (Type(s.src)) {
    case Type::f64:
      std::memcpy(x, w.op<double>(in, 1), LANES * sizeof(double));
      break;
    case Type::f32:
      if (s.ftz && Type(s.dst) != Type::f16)  // to f16 .ftz has no effect on an H200: .rm and .rp see it
        SIM_EACH_LANE(l) x[l] = double(settle_nan(f32(flush(a[l]))));
      else
        SIM_EACH_LANE(l) x[l] = double(f32(a[l]));
      break;
    case Type::f16:
      SIM_EACH_LANE(l) x[l] = double(f16_to_f32(a[l] & 0xffff));
      break;
    default:
      SIM_EACH_LANE(l) x[l] = double(bf16_to_f32(a[l] & 0xffff));
      break;
  }
}
void to_integral(double* x, Round r) {
  switch (r) {
    case Round::RZ:
      SIM_EACH_LANE(l) x[l] = __builtin_trunc(x[l]);
      break;
    case Round::RM:
      SIM_EACH_LANE(l) x[l] = __builtin_floor(x[l]);
      break;
    case Round::RP:
      SIM_EACH_LANE(l) x[l] = __builtin_ceil(x[l]);
      break;
    default:
      SIM_EACH_LANE(l) x[l] = __builtin_nearbyint(x[l]);
      break;
  }
}
template <const Format& F>
void to_format(const double* x, Round r, uint32_t* t) {
  auto run = [&](auto k) {
    SIM_EACH_LANE(l) t[l] = encode<F, decltype(k)::value, false, false, uint64_t>(bits(x[l]));
  };
  switch (r) {
    case Round::RZ:
      return run(std::integral_constant<Round, Round::RZ>{});
    case Round::RM:
      return run(std::integral_constant<Round, Round::RM>{});
    case Round::RP:
      return run(std::integral_constant<Round, Round::RP>{});
    default:
      return run(std::integral_constant<Round, Round::RN>{});
  }
}
// PTX leaves the NaN of a narrowed f64 unspecified: an H200 keeps sign and the payload's upper bits, quiet.
void keep_nan(const Shape& s, const double* x, uint32_t* t) {
  const unsigned width = ptx::bits_of(Type(s.dst));
  const unsigned mantissa = width == 32 ? 23 : Type(s.dst) == Type::f16 ? 10 : 7;
  const uint32_t quiet = ((1u << (width - mantissa)) - 1) << (mantissa - 1);
  SIM_EACH_LANE(l) {
    const uint64_t u = bits(x[l]);
    const uint32_t payload = uint32_t((u & 0xfffffffffffff) >> (52 - mantissa));
    t[l] = x[l] != x[l] ? uint32_t(u >> 63) << (width - 1) | quiet | payload : t[l];
  }
}
// Narrows and writes 32 doubles; .sat clamps to [0, 1], NaN and -0 giving +0.
void store_float(Warp& w, const Instr& in, const Shape& s, double* x, Round r) {
  if (s.sat) SIM_EACH_LANE(l) x[l] = x[l] > 1 ? 1.0 : x[l] > 0 ? x[l] : 0.0;
  if (Type(s.dst) == Type::f64) return blend(w.op<double>(in, 0), x, w.exec);
  uint32_t t[LANES];
  switch (Type(s.dst)) {
    case Type::f16:
      to_format<F16>(x, r, t);
      break;
    case Type::bf16:
      to_format<BF16>(x, r, t);
      break;
    default: {
      RoundScope scope{r};
      SIM_EACH_LANE(l) t[l] = canonical(float(x[l]));
    }
  }
  if (Type(s.src) == Type::f64) keep_nan(s, x, t);
  if (s.ftz && Type(s.dst) == Type::f32) SIM_EACH_LANE(l) t[l] = flush(t[l]);
  blend(w.op<uint32_t>(in, 0), t, w.exec);
}
void float_to_float(Warp& w, const Instr& in) {
  const Shape s = shape(in);
  double x[LANES];
  load_float(w, in, s, x);
  store_float(w, in, s, x, Round(s.round));
}
// Same type, rounded to an integral value (.rni .rzi .rmi .rpi)
void float_to_integral(Warp& w, const Instr& in) {
  const Shape s = shape(in);
  double x[LANES];
  load_float(w, in, s, x);
  to_integral(x, Round(s.round));
  store_float(w, in, s, x, Round::RN);
}
// Clamped to the destination's range. NaN gives 0, or the top bit alone when either side has 64 bits.
void float_to_integer(Warp& w, const Instr& in) {
  const Shape s = shape(in);
  const unsigned n = ptx::bits_of(Type(s.dst));
  const bool is_signed = ptx::is_signed(Type(s.dst));
  const int64_t nan =
      n == 64 || Type(s.src) == Type::f64 ? int64_t(uint64_t(is_signed ? -1 : 1) << (n - 1)) : 0;
  double x[LANES], y[LANES];
  load_float(w, in, s, x);
  std::memcpy(y, x, sizeof y);
  to_integral(y, Round(s.round));
  int64_t v[LANES];
  if (n <= 32) {
    const double lo = double(range_of(Type(s.dst)).lo), hi = double(range_of(Type(s.dst)).hi);
    SIM_EACH_LANE(l) {
      const double z = y[l] < lo ? lo : y[l] > hi ? hi : y[l];
      v[l] = x[l] != x[l] ? nan : int64_t(x[l] != x[l] ? 0.0 : z);
    }
  } else {
    for (unsigned l = 0; l < LANES; ++l) {
      if (x[l] != x[l])
        v[l] = nan;
      else if (is_signed)
        v[l] = y[l] >= 0x1p63 ? INT64_MAX : y[l] < -0x1p63 ? INT64_MIN : int64_t(y[l]);
      else
        v[l] = y[l] >= 0x1p64 ? -1 : y[l] < 0 ? 0 : int64_t(uint64_t(y[l]));
    }
  }
  store_integer(w, in, s, v);
}
// 64-bit integers do not fit a double. To f64 the host converts them, rounding as asked. For the narrower
// floats the bits beyond the 53rd only decide a rounding: they are gathered in one sticky bit.
double sticky(uint64_t m) {
  if (m >> 53) m = (m & ~uint64_t(0xfff)) | ((m & 0xfff) != 0 ? 0x800 : 0);
  return double(m);
}
void integer_to_float(Warp& w, const Instr& in) {
  const Shape s = shape(in);
  int64_t v[LANES];
  double x[LANES];
  load_integer(w, in, s, v);
  const bool is_u64 = Type(s.src) == Type::u64;
  if (Type(s.dst) == Type::f64) {
    RoundScope scope{Round(s.round)};
    if (is_u64)
      SIM_EACH_LANE(l) x[l] = double(uint64_t(v[l]));
    else
      SIM_EACH_LANE(l) x[l] = double(v[l]);
  } else if (ptx::bits_of(Type(s.src)) < 64) {
    SIM_EACH_LANE(l) x[l] = double(v[l]);
  } else {
    for (unsigned l = 0; l < LANES; ++l)
      x[l] = is_u64     ? sticky(uint64_t(v[l]))
             : v[l] < 0 ? -sticky(0 - uint64_t(v[l]))
                        : sticky(uint64_t(v[l]));
  }
  store_float(w, in, s, x, Round(s.round));
}

// ---- the forms of inner loops
void f32_to_bf16(Warp& w, const Instr& in) { map<uint32_t, uint32_t>(w, in, inlined<f32_to_bf16_rn>); }
void f32_to_f16(Warp& w, const Instr& in) { map<uint32_t, uint32_t>(w, in, inlined<f32_to_f16_rn>); }
void f16_to_f32_all(Warp& w, const Instr& in) {
  map<float, uint32_t>(w, in, [](uint32_t h) { return settle_nan(f16_to_f32(h & 0xffff)); });
}
void bf16_to_f32_all(Warp& w, const Instr& in) {
  map<uint32_t, uint32_t>(w, in, [](uint32_t h) { return h << 16; });  // a NaN too (an H200)
}
template <class D, class S>
void plain(Warp& w, const Instr& in) {
  map<D, S>(w, in, [](S a) { return D(a); });
}
void s32_to_f32(Warp& w, const Instr& in) { plain<float, int32_t>(w, in); }
void u32_to_f32(Warp& w, const Instr& in) { plain<float, uint32_t>(w, in); }

void f32_sat(Warp& w, const Instr& in) {
  map<float, float>(w, in, [](float a) { return a > 0 ? (a < 1 ? a : 1.0f) : 0.0f; });
}

Handler inner_loop_form(const Form& f, const Shape& s) {
  const bool f32_to_f32 = Type(s.dst) == Type::f32 && Type(s.src) == Type::f32;
  if (f32_to_f32 && s.sat && !s.ftz && !f.has("rni") && !f.has("rzi") && !f.has("rmi") && !f.has("rpi"))
    return f32_sat;
  if (s.sat || s.ftz || f.has("rni") || f.has("rzi") || f.has("rmi") || f.has("rpi") ||
      Round(s.round) != Round::RN)
    return nullptr;
  struct {
    Type dst, src;
    uint8_t dst_bits, src_bits;
    Handler fn;
  } const forms[] = {{Type::bf16, Type::f32, 16, 32, f32_to_bf16},
                     {Type::f16, Type::f32, 16, 32, f32_to_f16},
                     {Type::f32, Type::f16, 32, 16, f16_to_f32_all},
                     {Type::f32, Type::bf16, 32, 16, bf16_to_f32_all},
                     {Type::f32, Type::f32, 32, 32, plain<uint32_t, uint32_t>},  // a move, of a NaN too
                     {Type::f32, Type::s32, 32, 32, s32_to_f32},
                     {Type::f32, Type::u32, 32, 32, u32_to_f32},
                     {Type::u64, Type::u32, 64, 32, plain<uint64_t, uint32_t>},
                     {Type::s64, Type::s32, 64, 32, plain<int64_t, int32_t>},
                     {Type::u32, Type::u64, 32, 64, plain<uint32_t, uint64_t>},
                     {Type::u16, Type::u32, 16, 32, plain<uint16_t, uint32_t>},
                     {Type::u32, Type::u16, 32, 16, plain<uint32_t, uint16_t>}};
  for (auto& k : forms)
    if (k.dst == Type(s.dst) && k.src == Type(s.src) && k.dst_bits == s.dst_bits && k.src_bits == s.src_bits)
      return k.fn;
  return nullptr;
}

Handler cvt(Form& f) {
  if (f.n_types() != 2) return nullptr;
  const Type d = f.type(0), s = f.type(1);
  auto width = [&](size_t k, Type t) {
    return f.operand[k].kind == Flat::reg ? uint8_t(f.operand[k].bits) : uint8_t(ptx::bits_of(t));
  };
  const bool integral = f.has("rni") || f.has("rzi") || f.has("rmi") || f.has("rpi");
  const Round round = f.has("rzi")   ? Round::RZ
                      : f.has("rmi") ? Round::RM
                      : f.has("rpi") ? Round::RP
                      : integral     ? Round::RN
                                     : round_of(f);
  const Shape shape{uint8_t(d),     uint8_t(s),   width(0, d),  width(1, s),
                    uint8_t(round), f.has("ftz"), f.has("sat"), 0};
  f.aux = __builtin_bit_cast(uint64_t, shape);
  if (Handler h = inner_loop_form(f, shape)) return h;
  const bool from_float = ptx::is_float(s), to_float = ptx::is_float(d);
  if (integral && !from_float) return nullptr;
  if (to_float)
    return !from_float ? integer_to_float : !integral ? float_to_float : d == s ? float_to_integral : nullptr;
  return !from_float ? integer_to_integer : integral ? float_to_integer : nullptr;
}

}  // namespace

void add_rows(Rows& rows) {
  constexpr TypeSet scalar = I16_64 | types({Type::u8, Type::s8}) | F32_64 | HALF;
  // clang-format off
  //        name   types   modifiers                   operands scope        select anchor
  rows.add({"cvt", scalar, "rn|rz|rm|rp|rni|rzi|rmi|rpi|ftz|sat", D_A, Scope::LANE, cvt, "#data-movement-and-conversion-instructions-cvt"});
  // clang-format on
}

}  // namespace sim::convert_chapter
