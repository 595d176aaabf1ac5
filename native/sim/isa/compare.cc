// PTX ISA 9.7.6 Comparison and Selection Instructions (and 9.7.7, their half precision forms).
#include "chapters.h"
#include "select.h"
#include "../numerics/half.h"

namespace sim {
namespace {

enum class Cmp : uint8_t { eq, ne, lt, le, gt, ge, equ, neu, ltu, leu, gtu, geu, num, nan };

template <Cmp C, class T>
bool compare(T a, T b) {
  switch (C) {
    case Cmp::eq: return a == b;
    case Cmp::ne: return a < b || a > b;  // ordered: false when either is NaN
    case Cmp::lt: return a < b;
    case Cmp::le: return a <= b;
    case Cmp::gt: return a > b;
    case Cmp::ge: return a >= b;
    case Cmp::equ: return !(a < b || a > b);
    case Cmp::neu: return !(a == b);
    case Cmp::ltu: return !(a >= b);
    case Cmp::leu: return !(a > b);
    case Cmp::gtu: return !(a <= b);
    case Cmp::geu: return !(a < b);
    case Cmp::num: return a == a && b == b;
    case Cmp::nan: return a != a || b != b;
  }
}

// lo, ls, hi, hs are the unsigned names of lt, le, gt, ge.
bool cmp_of(const Form& f, Cmp& out) {
  static constexpr struct {
    const char* name;
    Cmp cmp;
  } names[] = {{"eq", Cmp::eq},   {"ne", Cmp::ne},   {"lt", Cmp::lt},   {"le", Cmp::le},   {"gt", Cmp::gt},   {"ge", Cmp::ge},
               {"lo", Cmp::lt},   {"ls", Cmp::le},   {"hi", Cmp::gt},   {"hs", Cmp::ge},   {"equ", Cmp::equ}, {"neu", Cmp::neu},
               {"ltu", Cmp::ltu}, {"leu", Cmp::leu}, {"gtu", Cmp::gtu}, {"geu", Cmp::geu}, {"num", Cmp::num}, {"nan", Cmp::nan}};
  for (auto& n : names)
    if (f.has(n.name)) return out = n.cmp, true;
  return false;
}

// Bit l = comparison of lane l; operands a and b are flat numbers `first` and `first + 1`.
using Test = uint32_t (*)(Warp&, const Instr&, unsigned first);
template <Cmp C, class T>
uint32_t test_of(Warp& w, const Instr& in, unsigned first) {
  return test<T, T>(w, in, first, inlined<compare<C, T>>);
}
template <Cmp C, bool FTZ>
uint32_t test_f32(Warp& w, const Instr& in, unsigned first) {
  return test<float, float>(w, in, first, [](float a, float b) { return FTZ ? compare<C>(flush(a), flush(b)) : compare<C>(a, b); });
}
template <Cmp C, class H>
uint32_t test_half(Warp& w, const Instr& in, unsigned first) {
  return test<uint16_t, uint16_t>(w, in, first, [](uint16_t a, uint16_t b) { return compare<C>(widen(H{a}), widen(H{b})); });
}
// f16x2: the low and the high half alone
template <Cmp C, class H, unsigned SHIFT>
uint32_t test_half2(Warp& w, const Instr& in, unsigned first) {
  return test<uint32_t, uint32_t>(w, in, first, [](uint32_t a, uint32_t b) {
    return compare<C>(widen(H{uint16_t(a >> SHIFT)}), widen(H{uint16_t(b >> SHIFT)}));
  });
}

template <Cmp C>
Test typed_test(Type t, bool ftz, bool high) {
  switch (t) {
    case Type::f32: return ftz ? test_f32<C, true> : test_f32<C, false>;
    case Type::f64: return test_of<C, double>;
    case Type::f16: return test_half<C, f16_t>;
    case Type::bf16: return test_half<C, bf16_t>;
    case Type::f16x2: return high ? test_half2<C, f16_t, 16> : test_half2<C, f16_t, 0>;
    case Type::bf16x2: return high ? test_half2<C, bf16_t, 16> : test_half2<C, bf16_t, 0>;
    case Type::b16: case Type::u16: return test_of<C, uint16_t>;
    case Type::b32: case Type::u32: return test_of<C, uint32_t>;
    case Type::b64: case Type::u64: return test_of<C, uint64_t>;
    case Type::s16: return test_of<C, int16_t>;
    case Type::s32: return test_of<C, int32_t>;
    case Type::s64: return test_of<C, int64_t>;
    default: return nullptr;
  }
}
template <class C>
auto on_cmp(Cmp c, C call) {
  switch (c) {
#define SIM_CMP(x) case Cmp::x: return call(std::integral_constant<Cmp, Cmp::x>{});
    SIM_CMP(eq) SIM_CMP(ne) SIM_CMP(lt) SIM_CMP(le) SIM_CMP(gt) SIM_CMP(ge) SIM_CMP(equ)
    SIM_CMP(neu) SIM_CMP(ltu) SIM_CMP(leu) SIM_CMP(gtu) SIM_CMP(geu) SIM_CMP(num) SIM_CMP(nan)
#undef SIM_CMP
  }
  __builtin_unreachable();
}

// How the comparison meets the third predicate, and where the results go. Flat operands: p[, q], a, b[, c].
enum class Join : uint8_t { none, and_, or_, xor_ };
uint32_t join(Join j, uint32_t t, uint32_t c) {
  return j == Join::and_ ? t & c : j == Join::or_ ? t | c : j == Join::xor_ ? t ^ c : t;
}
Join join_of(const Form& f) {
  return f.has("and") ? Join::and_ : f.has("or") ? Join::or_ : f.has("xor") ? Join::xor_ : Join::none;
}
struct Shape {  // unpacked from Instr::aux
  uint8_t pair, joined, pad[6];
};

template <Test T>
void setp_plain(Warp& w, const Instr& in) {
  write_pred(w, w.pred(in, 0), T(w, in, 1));
}
template <Test T>
void setp_full(Warp& w, const Instr& in) {
  const Shape s = __builtin_bit_cast(Shape, in.aux);
  const unsigned first = s.pair ? 2 : 1;
  const uint32_t t = T(w, in, first);
  const uint32_t c = s.joined ? w.pred(in, first + 2) : 0;
  const Join j = Join(s.joined);
  write_pred(w, w.pred(in, 0), join(j, t, c));
  if (s.pair) write_pred(w, w.pred(in, 1), join(j, ~t, c));
}
// f16x2: p from the low halves, q from the high ones
template <Test LOW, Test HIGH>
void setp_halves(Warp& w, const Instr& in) {
  const Shape s = __builtin_bit_cast(Shape, in.aux);
  const uint32_t low = LOW(w, in, 2), high = HIGH(w, in, 2), c = s.joined ? w.pred(in, 4) : 0;
  write_pred(w, w.pred(in, 0), join(Join(s.joined), low, c));
  write_pred(w, w.pred(in, 1), join(Join(s.joined), high, c));
}

template <Cmp C>
Handler setp_typed(Type t, bool ftz, bool full) {
  switch (t) {
#define SIM_SETP(type, ...) case Type::type: return full ? setp_full<__VA_ARGS__> : setp_plain<__VA_ARGS__>;
    case Type::f32: return ftz ? (full ? setp_full<test_f32<C, true>> : setp_plain<test_f32<C, true>>)
                               : full ? setp_full<test_f32<C, false>> : setp_plain<test_f32<C, false>>;
    SIM_SETP(f64, test_of<C, double>) SIM_SETP(f16, test_half<C, f16_t>) SIM_SETP(bf16, test_half<C, bf16_t>)
    SIM_SETP(b16, test_of<C, uint16_t>) SIM_SETP(u16, test_of<C, uint16_t>) SIM_SETP(s16, test_of<C, int16_t>)
    SIM_SETP(b32, test_of<C, uint32_t>) SIM_SETP(u32, test_of<C, uint32_t>) SIM_SETP(s32, test_of<C, int32_t>)
    SIM_SETP(b64, test_of<C, uint64_t>) SIM_SETP(u64, test_of<C, uint64_t>) SIM_SETP(s64, test_of<C, int64_t>)
#undef SIM_SETP
    case Type::f16x2: return setp_halves<test_half2<C, f16_t, 0>, test_half2<C, f16_t, 16>>;
    case Type::bf16x2: return setp_halves<test_half2<C, bf16_t, 0>, test_half2<C, bf16_t, 16>>;
    default: return nullptr;
  }
}
Handler setp(Form& f) {
  Cmp c;
  if (!cmp_of(f, c)) return nullptr;
  const Join j = join_of(f);
  const bool halves = ptx::bits_of(f.type()) == 32 && (f.type() == Type::f16x2 || f.type() == Type::bf16x2);
  const size_t fixed = 3 + (j != Join::none);
  const bool pair = f.operand.size() == fixed + 1;
  if (!pair && (halves || f.operand.size() != fixed)) return nullptr;
  f.aux = __builtin_bit_cast(uint64_t, Shape{pair, uint8_t(j), {}});
  const bool full = pair || j != Join::none, ftz = f.has("ftz");
  return on_cmp(c, [&](auto k) { return setp_typed<decltype(k)::value>(f.type(), ftz, full); });
}

// set: the truth as a number. The test is kept in aux's place through a small table lookup at selection, so one body serves all types.
struct SetShape {
  uint8_t cmp, type, ftz, joined, dst, pad[3];
};
void set_run(Warp& w, const Instr& in) {
  const SetShape s = __builtin_bit_cast(SetShape, in.aux);
  auto tester = [&](bool high) {
    return on_cmp(Cmp(s.cmp), [&](auto k) { return typed_test<decltype(k)::value>(Type(s.type), s.ftz, high); });
  };
  const uint32_t c = s.joined ? w.pred(in, 3) : 0;
  const uint32_t low = join(Join(s.joined), tester(false)(w, in, 1), c);
  uint32_t t[LANES], m[LANES];
  lanes_of(low, m);
  const bool halves = Type(s.type) == Type::f16x2 || Type(s.type) == Type::bf16x2;
  switch (Type(s.dst)) {
    case Type::f32: SIM_EACH_LANE(l) t[l] = m[l] & 0x3f800000u; break;
    case Type::f16: SIM_EACH_LANE(l) t[l] = m[l] & 0x3c00u; break;
    case Type::bf16: SIM_EACH_LANE(l) t[l] = m[l] & 0x3f80u; break;
    case Type::u16: case Type::s16: SIM_EACH_LANE(l) t[l] = m[l] & 0xffffu; break;
    default: SIM_EACH_LANE(l) t[l] = m[l]; break;
  }
  if (halves) {
    uint32_t h[LANES];
    lanes_of(join(Join(s.joined), tester(true)(w, in, 1), c), h);
    const uint32_t one = Type(s.dst) == Type::f16x2 ? 0x3c00u : Type(s.dst) == Type::bf16x2 ? 0x3f80u : 0xffffu;
    SIM_EACH_LANE(l) t[l] = (m[l] & one) | (h[l] & one) << 16;
  }
  blend(w.op<uint32_t>(in, 0), t, w.exec);
}
Handler set(Form& f) {
  Cmp c;
  if (f.n_types() != 2 || !cmp_of(f, c) || ptx::bits_of(f.type(0)) > 32) return nullptr;
  const Join j = join_of(f);
  if (f.operand.size() != 3 + size_t(j != Join::none)) return nullptr;
  f.aux = __builtin_bit_cast(uint64_t, SetShape{uint8_t(c), uint8_t(f.type(1)), f.has("ftz"), uint8_t(j), uint8_t(f.type(0)), {}});
  return set_run;
}

// d = p ? a : b. 8- and 16-bit values lie in 32-bit slots.
template <class T>
void selp_run(Warp& w, const Instr& in) {
  const T *a = w.op<T>(in, 1), *b = w.op<T>(in, 2);
  const uint32_t p = w.pred(in, 3);
  T t[LANES];
  std::memcpy(t, b, sizeof t);
  blend(t, a, p);
  blend(w.op<T>(in, 0), t, w.exec);
}
void selp_16(Warp& w, const Instr& in) {  // an immediate's slot may have upper bits
  uint32_t m[LANES];
  lanes_of(w.pred(in, 3), m);
  const uint32_t *a = w.op<uint32_t>(in, 1), *b = w.op<uint32_t>(in, 2);
  uint32_t t[LANES];
  SIM_EACH_LANE(l) t[l] = (m[l] ? a[l] : b[l]) & 0xffff;
  blend(w.op<uint32_t>(in, 0), t, w.exec);
}
Handler selp(Form& f) {
  const unsigned n = ptx::bits_of(f.type());
  return n == 16 ? selp_16 : n == 32 ? selp_run<uint32_t> : n == 64 ? selp_run<uint64_t> : nullptr;
}

// d = c >= 0 ? a : b; NaN is not >= 0; -0 is.
template <class T, class C, bool FTZ>
void slct_run(Warp& w, const Instr& in) {
  map<T, T, T, C>(w, in, [](T a, T b, C c) {
    if constexpr (FTZ) return flush(c) >= 0 ? a : b;
    else return c >= 0 ? a : b;
  });
}
Handler slct(Form& f) {
  if (f.n_types() != 2) return nullptr;
  fix_width(f, 1, ptx::bits_of(f.type(0)) == 64 ? 64 : 32), fix_width(f, 2, ptx::bits_of(f.type(0)) == 64 ? 64 : 32);
  const bool floating = f.type(1) == Type::f32, ftz = f.has("ftz");
  if (!floating && f.type(1) != Type::s32) return nullptr;
  return on_bits(f.type(0), [=](auto t) -> Handler {
    using T = decltype(t);
    return !floating ? slct_run<T, int32_t, false> : ftz ? slct_run<T, float, true> : slct_run<T, float, false>;
  });
}

}  // namespace

#define SIM_CMP_WORDS "eq|ne|lt|le|gt|ge|lo|ls|hi|hs|equ|neu|ltu|leu|gtu|geu|num|nan|and|or|xor|ftz"
void compare_rows(Rows& rows) {
  constexpr Scope L = Scope::LANE;
  constexpr Pattern P_A_B_C{3, 4};
  constexpr TypeSet plain = B16_64 | I16_64 | F32_64, half = HALF | HALF2;
  //        name    types         modifiers       operands  scope  select  anchor
  rows.add({"setp", plain,        SIM_CMP_WORDS,  P_A_B_C,  L,  setp,  "#comparison-and-selection-instructions-setp"});
  rows.add({"setp", half,         SIM_CMP_WORDS,  P_A_B_C,  L,  setp,  "#half-precision-comparison-instructions-setp"});
  rows.add({"set",  plain,        SIM_CMP_WORDS,  P_A_B_C,  L,  set,   "#comparison-and-selection-instructions-set"});
  rows.add({"set",  plain | half, SIM_CMP_WORDS,  P_A_B_C,  L,  set,   "#half-precision-comparison-instructions-set"});
  rows.add({"selp", plain,        "",             D_A_B_C,  L,  selp,  "#comparison-and-selection-instructions-selp"});
  rows.add({"slct", plain,        "ftz",          D_A_B_C,  L,  slct,  "#comparison-and-selection-instructions-slct"});
}

}  // namespace sim
