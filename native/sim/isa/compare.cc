// PTX ISA 9.7.6 Comparison and Selection Instructions (and 9.7.7, their half precision forms).
#include "../numerics/half.h"
#include "chapters.h"
#include "select.h"

namespace sim::compare_chapter {
namespace {

// Ordered comparisons (false when either is NaN). The unordered ones are complements: ltu = not ge, and so
// on.
enum class Cmp : uint8_t { eq, ne, lt, le, gt, ge, num };
struct Named {
  const char* name;
  Cmp cmp;
  bool inverted;
};
constexpr Named NAMES[] = {{"eq", Cmp::eq, false}, {"ne", Cmp::ne, false},   {"lt", Cmp::lt, false},
                           {"le", Cmp::le, false}, {"gt", Cmp::gt, false},   {"ge", Cmp::ge, false},
                           {"lo", Cmp::lt, false}, {"ls", Cmp::le, false},   {"hi", Cmp::gt, false},
                           {"hs", Cmp::ge, false}, {"equ", Cmp::ne, true},   {"neu", Cmp::eq, true},
                           {"ltu", Cmp::ge, true}, {"leu", Cmp::gt, true},   {"gtu", Cmp::le, true},
                           {"geu", Cmp::lt, true}, {"num", Cmp::num, false}, {"nan", Cmp::num, true}};
const Named* name_of(const Form& f) {
  for (const Named& n : NAMES)
    if (f.has(n.name)) return &n;
  return nullptr;
}

template <Cmp C, class T>
bool holds(T a, T b) {
  switch (C) {
    case Cmp::eq:
      return a == b;
    case Cmp::ne:
      return a < b || a > b;
    case Cmp::lt:
      return a < b;
    case Cmp::le:
      return a <= b;
    case Cmp::gt:
      return a > b;
    case Cmp::ge:
      return a >= b;
    case Cmp::num:
      return a == a && b == b;
  }
}
// Bit l = comparison of element l of two slots.
using Test = uint32_t (*)(const void* a, const void* b);
template <Cmp C, class T>
uint32_t test_all(const void* pa, const void* pb) {
  using Slot = typename SlotOf<T>::type;
  const Slot *a = static_cast<const Slot*>(pa), *b = static_cast<const Slot*>(pb);
  uint32_t t[LANES];
  SIM_EACH_LANE(l) t[l] = holds<C>(from_slot<T>(a[l]), from_slot<T>(b[l])) ? 1u : 0u;
  return mask_of(t);
}
template <class T>
constexpr Test TESTS[] = {test_all<Cmp::eq, T>, test_all<Cmp::ne, T>, test_all<Cmp::lt, T>,
                          test_all<Cmp::le, T>, test_all<Cmp::gt, T>, test_all<Cmp::ge, T>,
                          test_all<Cmp::num, T>};
Test test_of(Type t, Cmp c) {
  const unsigned k = unsigned(c);
  switch (t) {
    case Type::f32:
    case Type::f16:
    case Type::bf16:
    case Type::f16x2:
    case Type::bf16x2:
      return TESTS<float>[k];
    case Type::f64:
      return TESTS<double>[k];
    case Type::b16:
    case Type::u16:
      return TESTS<uint16_t>[k];
    case Type::b32:
    case Type::u32:
      return TESTS<uint32_t>[k];
    case Type::b64:
    case Type::u64:
      return TESTS<uint64_t>[k];
    case Type::s16:
      return TESTS<int16_t>[k];
    case Type::s32:
      return TESTS<int32_t>[k];
    case Type::s64:
      return TESTS<int64_t>[k];
    default:
      return nullptr;
  }
}

// How the comparison meets the third predicate, and where the results go. Flat operands: p[, q], a, b[, c].
// Unpacked from Instr::aux.
enum class Join : uint8_t { none, and_, or_, xor_ };
uint32_t join(Join j, uint32_t t, uint32_t c) {
  return j == Join::and_ ? t & c : j == Join::or_ ? t | c : j == Join::xor_ ? t ^ c : t;
}
Join join_of(const Form& f) {
  return f.has("and") ? Join::and_ : f.has("or") ? Join::or_ : f.has("xor") ? Join::xor_ : Join::none;
}
struct Shape {
  uint8_t cmp, inverted, type, ftz, joined, pair, dst, pad;
};
Shape shape(const Instr& in) { return __builtin_bit_cast(Shape, in.aux); }

// Operands as f32, for the types that are compared as such: .ftz, and halves (`high`: the upper ones of a
// pair).
void as_f32(const uint32_t* from, const Shape& s, bool high, float* to) {
  const unsigned shift = high ? 16 : 0;
  switch (Type(s.type)) {
    case Type::f32:
      SIM_EACH_LANE(l) to[l] = f32(flush(from[l]));
      break;
    case Type::f16:
    case Type::f16x2:
      SIM_EACH_LANE(l) {
        const uint32_t h = from[l] >> shift & 0xffff;
        to[l] = f16_to_f32(s.ftz && !(h & 0x7c00) ? h & 0x8000 : h);
      }
      break;
    default:
      SIM_EACH_LANE(l) to[l] = bf16_to_f32(from[l] >> shift & 0xffff);
      break;
  }
}
uint32_t compare(Warp& w, const Instr& in, unsigned first, const Shape& s, bool high) {
  const uint32_t *a = w.op<uint32_t>(in, first), *b = w.op<uint32_t>(in, first + 1);
  const Test test = test_of(Type(s.type), Cmp(s.cmp));
  uint32_t t;
  const bool converted =
      s.ftz || (ptx::is_float(Type(s.type)) && Type(s.type) != Type::f32 && Type(s.type) != Type::f64);
  if (converted) {
    float x[LANES], y[LANES];
    as_f32(a, s, high, x), as_f32(b, s, high, y);
    t = test(x, y);
  } else {
    t = test(a, b);
  }
  return s.inverted ? ~t : t;
}
bool is_pair_type(Type t) { return t == Type::f16x2 || t == Type::bf16x2; }

// The plain form: p = a cmp b, of a type compared as it is.
template <class T, Cmp C>
void setp_plain(Warp& w, const Instr& in) {
  write_pred(w, w.pred(in, 0), test_all<C, T>(w.op<void>(in, 1), w.op<void>(in, 2)) ^ uint32_t(in.aux));
}
template <class T>
constexpr Handler PLAIN[] = {setp_plain<T, Cmp::eq>, setp_plain<T, Cmp::ne>, setp_plain<T, Cmp::lt>,
                             setp_plain<T, Cmp::le>, setp_plain<T, Cmp::gt>, setp_plain<T, Cmp::ge>,
                             setp_plain<T, Cmp::num>};
void setp_any(Warp& w, const Instr& in) {
  const Shape s = shape(in);
  const unsigned first = s.pair ? 2 : 1;
  const uint32_t t = compare(w, in, first, s, false), c = s.joined ? w.pred(in, first + 2) : 0;
  // the second predicate: the complement, or the upper halves of a pair
  const uint32_t u = !s.pair ? 0 : is_pair_type(Type(s.type)) ? compare(w, in, first, s, true) : ~t;
  write_pred(w, w.pred(in, 0), join(Join(s.joined), t, c));
  if (s.pair) write_pred(w, w.pred(in, 1), join(Join(s.joined), u, c));
}
Handler setp(Form& f) {
  const Named* n = name_of(f);
  if (!n) return nullptr;
  const Join j = join_of(f);
  const size_t fixed = 3 + (j != Join::none);
  const bool pair = f.operand.size() == fixed + 1, ftz = f.has("ftz");
  if (!pair && (is_pair_type(f.type()) || f.operand.size() != fixed)) return nullptr;
  if (!pair && j == Join::none && !ftz) {
    f.aux = n->inverted ? ~uint64_t(0) : 0;
    switch (f.type()) {  // what address and loop arithmetic compares
      case Type::f32:
        return PLAIN<float>[unsigned(n->cmp)];
      case Type::s32:
        return PLAIN<int32_t>[unsigned(n->cmp)];
      case Type::u32:
      case Type::b32:
        return PLAIN<uint32_t>[unsigned(n->cmp)];
      default:
        break;
    }
  }
  f.aux = __builtin_bit_cast(
      uint64_t, Shape{uint8_t(n->cmp), n->inverted, uint8_t(f.type()), ftz, uint8_t(j), pair, 0, 0});
  return setp_any;
}

// set: the truth as a number of the destination type.
uint32_t one_of(Type dst) {
  switch (dst) {
    case Type::f32:
      return 0x3f800000;
    case Type::f16:
    case Type::f16x2:
      return 0x3c00;
    case Type::bf16:
    case Type::bf16x2:
      return 0x3f80;
    case Type::u16:
    case Type::s16:
      return 0xffff;
    default:
      return 0xffffffff;
  }
}
void set_run(Warp& w, const Instr& in) {
  const Shape s = shape(in);
  const uint32_t c = s.joined ? w.pred(in, 3) : 0;
  const bool halves = is_pair_type(Type(s.type));
  const uint32_t one =
      halves && Type(s.dst) != Type::f16x2 && Type(s.dst) != Type::bf16x2 ? 0xffffu : one_of(Type(s.dst));
  uint32_t t[LANES];
  lanes_of(join(Join(s.joined), compare(w, in, 1, s, false), c), t);
  SIM_EACH_LANE(l) t[l] &= one;
  if (halves) {
    uint32_t h[LANES];
    lanes_of(join(Join(s.joined), compare(w, in, 1, s, true), c), h);
    SIM_EACH_LANE(l) t[l] |= (h[l] & one) << 16;
  }
  blend(w.op<uint32_t>(in, 0), t, w.exec);
}
Handler set(Form& f) {
  const Named* n = name_of(f);
  if (f.n_types() != 2 || !n || ptx::bits_of(f.type(0)) > 32) return nullptr;
  const Join j = join_of(f);
  if (f.operand.size() != 3 + size_t(j != Join::none)) return nullptr;
  f.aux = __builtin_bit_cast(uint64_t, Shape{uint8_t(n->cmp), n->inverted, uint8_t(f.type(1)), f.has("ftz"),
                                             uint8_t(j), 0, uint8_t(f.type(0)), 0});
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
    if constexpr (FTZ)
      return flush(c) >= 0 ? a : b;
    else
      return c >= 0 ? a : b;
  });
}
Handler slct(Form& f) {
  if (f.n_types() != 2) return nullptr;
  fix_width(f, 1, ptx::bits_of(f.type(0)) == 64 ? 64 : 32),
      fix_width(f, 2, ptx::bits_of(f.type(0)) == 64 ? 64 : 32);
  const bool floating = f.type(1) == Type::f32, ftz = f.has("ftz");
  if (!floating && f.type(1) != Type::s32) return nullptr;
  return on_bits(f.type(0), [=](auto t) -> Handler {
    using T = decltype(t);
    return !floating ? slct_run<T, int32_t, false>
           : ftz     ? slct_run<T, float, true>
                     : slct_run<T, float, false>;
  });
}

}  // namespace

#define SIM_CMP_WORDS "eq|ne|lt|le|gt|ge|lo|ls|hi|hs|equ|neu|ltu|leu|gtu|geu|num|nan|and|or|xor|ftz"
#define PTX(name) "#comparison-and-selection-instructions-" name
#define PTX_HALF(name) "#half-precision-comparison-instructions-" name
void add_rows(Rows& rows) {
  constexpr Scope L = Scope::LANE;
  constexpr Pattern P_A_B_C{3, 4};
  constexpr TypeSet plain = B16_64 | I16_64 | F32_64, half = HALF | HALF2;
  // clang-format off
  //        name    types         modifiers      operands scope select anchor
  rows.add({"setp", plain,        SIM_CMP_WORDS, P_A_B_C, L, setp, PTX("setp")});
  rows.add({"setp", half,         SIM_CMP_WORDS, P_A_B_C, L, setp, PTX_HALF("setp")});
  rows.add({"set",  plain,        SIM_CMP_WORDS, P_A_B_C, L, set,  PTX("set")});
  rows.add({"set",  plain | half, SIM_CMP_WORDS, P_A_B_C, L, set,  PTX_HALF("set")});
  rows.add({"selp", plain,        "",            D_A_B_C, L, selp, PTX("selp")});
  rows.add({"slct", plain,        "ftz",         D_A_B_C, L, slct, PTX("slct")});
  // clang-format on
}
#undef PTX
#undef PTX_HALF

}  // namespace sim::compare_chapter
