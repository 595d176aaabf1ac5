// PTX ISA 9.7.9 Data Movement and Conversion: cvt among integers and the scalar floats.
#include "../numerics/half.h"
#include "chapters.h"
#include "select.h"

namespace sim {
namespace {

// A register may be wider than the type that cvt names: sources are cut to the type, integer results extended to the register.
struct Shape {
  uint8_t dst, src;        // ptx::Type
  uint8_t keep_bits;       // declared width of the destination
  uint8_t pad[5];
};
Shape shape(const Instr& in) { return __builtin_bit_cast(Shape, in.aux); }

template <class SW>
auto source_of(Warp& w, const Instr& in) { return w.op<const SW>(in, 1); }

// Writes 32 values to a 32- or 64-bit destination slot, cut to the declared width.
template <class DW>
void put(Warp& w, const Instr& in, const int64_t* v) {
  const Shape s = shape(in);
  const DW keep = s.keep_bits >= 8 * sizeof(DW) ? ~DW(0) : DW((uint64_t(1) << s.keep_bits) - 1);
  DW t[LANES];
  SIM_EACH_LANE(l) t[l] = DW(v[l]) & keep;
  blend(w.op<DW>(in, 0), t, w.exec);
}

struct Range {
  __int128 lo, hi;
};
Range range_of(Type t) {
  const unsigned n = ptx::bits_of(t);
  const __int128 one = 1;
  return ptx::is_signed(t) ? Range{-(one << (n - 1)), (one << (n - 1)) - 1} : Range{0, (one << n) - 1};
}

// ---- integer to integer
template <class SW, class DW, bool SIGNED_SRC, bool SIGNED_DST>
void int_to_int(Warp& w, const Instr& in) {
  const Shape s = shape(in);
  const unsigned up = 64 - ptx::bits_of(Type(s.src)), down = 64 - ptx::bits_of(Type(s.dst));
  const SW* a = source_of<SW>(w, in);
  int64_t v[LANES];
  SIM_EACH_LANE(l) {
    const uint64_t x = uint64_t(a[l]) << up;
    const uint64_t wide = SIGNED_SRC ? uint64_t(int64_t(x) >> up) : x >> up;
    const uint64_t y = wide << down;
    v[l] = SIGNED_DST ? int64_t(y) >> down : int64_t(y >> down);
  }
  put<DW>(w, in, v);
}
template <class SW, class DW>
void int_to_int_sat(Warp& w, const Instr& in) {
  const Shape s = shape(in);
  const Range r = range_of(Type(s.dst));
  const unsigned up = 64 - ptx::bits_of(Type(s.src));
  const bool is_signed = ptx::is_signed(Type(s.src));
  const SW* a = source_of<SW>(w, in);
  int64_t v[LANES];
  for (unsigned l = 0; l < LANES; ++l) {
    const uint64_t x = uint64_t(a[l]) << up;
    const __int128 wide = is_signed ? __int128(int64_t(x) >> up) : __int128(x >> up);
    v[l] = int64_t(wide < r.lo ? r.lo : wide > r.hi ? r.hi : wide);
  }
  put<DW>(w, in, v);
}
template <class SW, class DW>
Handler int_to_int_of(Form& f) {
  if (f.has("sat")) return int_to_int_sat<SW, DW>;
  const bool s = ptx::is_signed(f.type(1)), d = ptx::is_signed(f.type(0));
  return s ? (d ? int_to_int<SW, DW, true, true> : int_to_int<SW, DW, true, false>)
           : d ? int_to_int<SW, DW, false, true> : int_to_int<SW, DW, false, false>;
}

// ---- floats as doubles, exactly
template <class S, bool FTZ>
double wide_of(typename SlotOf<S>::type u) {
  if constexpr (std::is_same_v<S, double>) return f64(u);
  else if constexpr (std::is_same_v<S, float>) return double(FTZ ? flush(f32(u)) : f32(u));
  else return double(widen(S{uint16_t(u)}));
}

template <Round R>
double to_integral(double x) {
  if constexpr (R == Round::RZ) return __builtin_trunc(x);
  else if constexpr (R == Round::RM) return __builtin_floor(x);
  else if constexpr (R == Round::RP) return __builtin_ceil(x);
  else return __builtin_nearbyint(x);
}

// Clamped to the destination's range. NaN gives 0, or the top bit alone when either side has 64 bits.
template <class S, class DW, Round R, bool FTZ>
void float_to_int(Warp& w, const Instr& in) {
  using SW = typename SlotOf<S>::type;
  const Shape s = shape(in);
  const unsigned n = ptx::bits_of(Type(s.dst));
  const bool is_signed = ptx::is_signed(Type(s.dst));
  const SW* a = source_of<SW>(w, in);
  int64_t v[LANES];
  const int64_t nan = n == 64 || sizeof(S) == 8 ? int64_t(uint64_t(is_signed ? -1 : 1) << (n - 1)) : 0;
  if (n <= 32) {
    const double lo = double(range_of(Type(s.dst)).lo), hi = double(range_of(Type(s.dst)).hi);
    SIM_EACH_LANE(l) {
      const double x = wide_of<S, FTZ>(a[l]);
      double y = to_integral<R>(x);
      y = y < lo ? lo : y > hi ? hi : y;
      y = x != x ? 0.0 : y;
      v[l] = x != x ? nan : int64_t(y);
    }
  } else {
    for (unsigned l = 0; l < LANES; ++l) {
      const double x = wide_of<S, FTZ>(a[l]), y = to_integral<R>(x);
      if (x != x) v[l] = nan;
      else if (is_signed) v[l] = y >= 0x1p63 ? INT64_MAX : y < -0x1p63 ? INT64_MIN : int64_t(y);
      else v[l] = y >= 0x1p64 ? -1 : y < 0 ? 0 : int64_t(uint64_t(y));
    }
  }
  put<DW>(w, in, v);
}
template <class S, class DW, bool FTZ>
Handler float_to_int_of(Form& f) {
  if (f.has("rni")) return float_to_int<S, DW, Round::RN, FTZ>;
  if (f.has("rmi")) return float_to_int<S, DW, Round::RM, FTZ>;
  if (f.has("rpi")) return float_to_int<S, DW, Round::RP, FTZ>;
  return f.has("rzi") ? float_to_int<S, DW, Round::RZ, FTZ> : nullptr;
}

// ---- results in a float format; the host's rounding mode is set around conversions to f32 and f64
template <class D, Round R>
uint32_t narrowed(double x) {
  if constexpr (std::is_same_v<D, f16_t>) return encode<F16, R, false, false, uint64_t>(bits(x));
  else if constexpr (std::is_same_v<D, bf16_t>) return encode<BF16, R, false, false, uint64_t>(bits(x));
  else return canonical(float(x));
}
template <class D, bool FTZ, bool SAT>
uint32_t finish(uint32_t u) {
  if constexpr (std::is_same_v<D, float>) {
    if constexpr (FTZ) u = flush(u);
    if constexpr (SAT) u = (u & 0x80000000) || u > F32_INF ? 0 : u > 0x3f800000 ? 0x3f800000 : u;
  } else if constexpr (SAT) {
    constexpr uint32_t inf = std::is_same_v<D, f16_t> ? 0x7c00 : 0x7f80, one = std::is_same_v<D, f16_t> ? 0x3c00 : 0x3f80;
    u = (u & 0x8000) || u > inf ? 0 : u > one ? one : u;
  }
  return u;
}

// 64-bit integers do not fit a double: beyond 2^53 the low bits only decide a rounding, so they are gathered in one sticky bit.
template <class SW, bool SIGNED>
double exact_enough(SW u, unsigned up) {
  const uint64_t x = uint64_t(u) << up;
  const int64_t i = SIGNED ? int64_t(x) >> up : int64_t(x >> up);
  if constexpr (sizeof(SW) == 4) return double(i);
  const bool negative = SIGNED && i < 0;
  uint64_t m = negative ? 0 - uint64_t(i) : uint64_t(i);
  if (m >> 53) m = (m & ~uint64_t(0xfff)) | ((m & 0xfff) != 0 ? 0x800 : 0);
  return negative ? -double(m) : double(m);
}
template <class SW, bool SIGNED, class D, Round R, bool SAT>
void int_to_float(Warp& w, const Instr& in) {
  const SW* a = source_of<SW>(w, in);
  const unsigned up = 64 - ptx::bits_of(Type(shape(in).src));
  if constexpr (std::is_same_v<D, double>) {
    RoundScope scope{R};
    double t[LANES];
    SIM_EACH_LANE(l) {
      const uint64_t x = uint64_t(a[l]) << up;
      t[l] = SIGNED ? double(int64_t(x) >> up) : double(x >> up);
      if constexpr (SAT) t[l] = t[l] > 1 ? 1.0 : t[l] > 0 ? t[l] : 0.0;
    }
    blend(w.op<double>(in, 0), t, w.exec);
  } else {
    uint32_t t[LANES];
    double x[LANES];
    SIM_EACH_LANE(l) x[l] = exact_enough<SW, SIGNED>(a[l], up);
    RoundScope scope{std::is_same_v<D, float> ? R : Round::RN};
    SIM_EACH_LANE(l) t[l] = finish<D, false, SAT>(narrowed<D, R>(x[l]));
    blend(w.op<uint32_t>(in, 0), t, w.exec);
  }
}
template <class S, class D, Round R, bool FTZ, bool SAT>
void float_to_float(Warp& w, const Instr& in) {
  using SW = typename SlotOf<S>::type;
  const SW* a = source_of<SW>(w, in);
  if constexpr (std::is_same_v<D, double>) {
    map<double, SW>(w, in, [](SW u) {
      const double x = wide_of<S, FTZ>(u);
      return SAT ? (x > 1 ? 1.0 : x > 0 ? x : 0.0) : x;
    });
  } else {
    uint32_t t[LANES];
    double x[LANES];
    SIM_EACH_LANE(l) x[l] = wide_of<S, FTZ>(a[l]);
    RoundScope scope{std::is_same_v<D, float> ? R : Round::RN};
    SIM_EACH_LANE(l) t[l] = finish<D, FTZ, SAT>(narrowed<D, R>(x[l]));
    blend(w.op<uint32_t>(in, 0), t, w.exec);
  }
}
// Same type, rounded to an integral value (.rni .rzi .rmi .rpi)
template <class D, Round R, bool FTZ, bool SAT>
void round_integral(Warp& w, const Instr& in) {
  using W = typename SlotOf<D>::type;
  map<W, W>(w, in, [](W u) -> W {
    const double x = to_integral<R>(wide_of<D, FTZ>(u));
    if constexpr (std::is_same_v<D, double>) return bits(SAT ? (x > 1 ? 1.0 : x > 0 ? x : 0.0) : x);
    else return finish<D, FTZ, SAT>(narrowed<D, Round::RN>(x));
  });
}

// ---- the forms of inner loops
void f32_to_bf16(Warp& w, const Instr& in) { map<uint32_t, uint32_t>(w, in, inlined<f32_to_bf16_rn>); }
void f32_to_f16(Warp& w, const Instr& in) { map<uint32_t, uint32_t>(w, in, inlined<f32_to_f16_rn>); }
void f16_to_f32_all(Warp& w, const Instr& in) {
  map<float, uint32_t>(w, in, [](uint32_t h) { return settle_nan(f16_to_f32(h & 0xffff)); });
}
void bf16_to_f32_all(Warp& w, const Instr& in) {
  map<uint32_t, uint32_t>(w, in, [](uint32_t h) { const uint32_t u = h << 16; return is_nan32(u) ? F32_NAN : u; });
}

// ---- selection
template <class C>
Handler on_float(Type t, C c) {
  switch (t) {
    case Type::f16: return c(f16_t{});
    case Type::bf16: return c(bf16_t{});
    case Type::f32: return c(float{});
    case Type::f64: return c(double{});
    default: return nullptr;
  }
}
template <class C>
Handler on_round(Round r, C c) {
  switch (r) {
    case Round::RZ: return c(std::integral_constant<Round, Round::RZ>{});
    case Round::RM: return c(std::integral_constant<Round, Round::RM>{});
    case Round::RP: return c(std::integral_constant<Round, Round::RP>{});
    default: return c(std::integral_constant<Round, Round::RN>{});
  }
}
template <class C>
Handler on_flag(bool b, C c) {
  return b ? c(std::true_type{}) : c(std::false_type{});
}

Handler integral_of(Form& f, bool ftz, bool sat) {
  const Round r = f.has("rzi") ? Round::RZ : f.has("rmi") ? Round::RM : f.has("rpi") ? Round::RP : Round::RN;
  return on_float(f.type(), [&](auto d) {
    return on_round(r, [&](auto k) {
      return on_flag(ftz, [&](auto z) {
        return on_flag(sat, [&](auto s) -> Handler {
          return round_integral<decltype(d), decltype(k)::value, decltype(z)::value, decltype(s)::value>;
        });
      });
    });
  });
}
Handler floats(Form& f) {
  const bool ftz = f.has("ftz"), sat = f.has("sat");
  const Type d = f.type(0), s = f.type(1);
  const bool integral = f.has("rni") || f.has("rzi") || f.has("rmi") || f.has("rpi");
  if (integral) return d == s ? integral_of(f, ftz, sat) : nullptr;
  const Round r = round_of(f);
  if (!ftz && !sat) {
    if (s == Type::f32 && r == Round::RN && d == Type::bf16) return f32_to_bf16;
    if (s == Type::f32 && r == Round::RN && d == Type::f16) return f32_to_f16;
    if (s == Type::f16 && d == Type::f32) return f16_to_f32_all;
    if (s == Type::bf16 && d == Type::f32) return bf16_to_f32_all;
  }
  return on_float(s, [&](auto a) {
    return on_float(d, [&](auto b) {
      return on_round(r, [&](auto k) {
        return on_flag(ftz, [&](auto z) {
          return on_flag(sat, [&](auto t) -> Handler {
            return float_to_float<decltype(a), decltype(b), decltype(k)::value, decltype(z)::value, decltype(t)::value>;
          });
        });
      });
    });
  });
}
Handler ints_to_float(Form& f, bool wide) {
  const bool is_signed = ptx::is_signed(f.type(1));
  return on_float(f.type(0), [&](auto d) {
    return on_round(round_of(f), [&](auto k) {
      return on_flag(f.has("sat"), [&](auto s) -> Handler {
        using D = decltype(d);
        constexpr Round R = decltype(k)::value;
        constexpr bool S = decltype(s)::value;
        if (wide) return is_signed ? int_to_float<uint64_t, true, D, R, S> : int_to_float<uint64_t, false, D, R, S>;
        return is_signed ? int_to_float<uint32_t, true, D, R, S> : int_to_float<uint32_t, false, D, R, S>;
      });
    });
  });
}
Handler cvt(Form& f) {
  if (f.n_types() != 2) return nullptr;
  const Type d = f.type(0), s = f.type(1);
  auto width = [&](size_t k, Type t) { return f.operand[k].kind == Flat::reg ? unsigned(f.operand[k].bits) : ptx::bits_of(t); };
  const unsigned dst = width(0, d), src = width(1, s);
  f.aux = __builtin_bit_cast(uint64_t, Shape{uint8_t(d), uint8_t(s), uint8_t(dst), {}});
  if (ptx::is_float(d)) return ptx::is_float(s) ? floats(f) : ints_to_float(f, src == 64);
  const bool dw = dst == 64, sw = src == 64;
  if (ptx::is_float(s)) {
    return on_float(s, [&](auto a) {
      return on_flag(f.has("ftz"), [&](auto z) -> Handler {
        using S = decltype(a);
        return dw ? float_to_int_of<S, uint64_t, decltype(z)::value>(f) : float_to_int_of<S, uint32_t, decltype(z)::value>(f);
      });
    });
  }
  return sw ? (dw ? int_to_int_of<uint64_t, uint64_t>(f) : int_to_int_of<uint64_t, uint32_t>(f))
            : dw ? int_to_int_of<uint32_t, uint64_t>(f) : int_to_int_of<uint32_t, uint32_t>(f);
}

}  // namespace

void convert_rows(Rows& rows) {
  constexpr TypeSet scalar = I16_64 | types({Type::u8, Type::s8}) | F32_64 | HALF;
  //        name   types   modifiers                             operands  scope       select  anchor
  rows.add({"cvt", scalar, "rn|rz|rm|rp|rni|rzi|rmi|rpi|ftz|sat", D_A,     Scope::LANE, cvt,   "#data-movement-and-conversion-instructions-cvt"});
}

}  // namespace sim
