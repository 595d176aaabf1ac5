// PTX ISA 9.7.2 Extended-Precision Integer Arithmetic Instructions: the carry bit CC.CF of each lane links
// them.
#include "chapters.h"
#include "select.h"

namespace sim::carry_chapter {
namespace {

// One lane: d = a +- b +- carry in; returns d and leaves the carry (borrow) out in c.
template <class T, bool SUB>
T step(T a, T b, uint32_t in, uint32_t& out) {
  if constexpr (SUB) {
    out = uint32_t(a < b) | (in & uint32_t(a == b));
    return T(a - b - in);
  } else {
    const T s = T(a + b + in);
    out = uint32_t(s < a) | (in & uint32_t(s == a));
    return s;
  }
}

template <class T, bool SUB, bool IN, bool OUT, class A, class B>
void chain(Warp& w, const Instr& in, A a_of, B b_of) {
  T* d = w.op<T>(in, 0);
  T t[LANES];
  uint32_t out[LANES];
  const uint32_t carry = w.carry;
  SIM_EACH_LANE(l) t[l] = step<T, SUB>(a_of(l), b_of(l), IN ? (carry >> l) & 1u : 0u, out[l]);
  blend(d, t, w.exec);
  if (OUT) write_pred(w, w.carry, mask_of(out));
}

template <class T, bool SUB, bool IN, bool OUT>
void add_sub(Warp& w, const Instr& in) {
  const T *a = w.op<T>(in, 1), *b = w.op<T>(in, 2);
  chain<T, SUB, IN, OUT>(w, in, [a](unsigned l) { return a[l]; }, [b](unsigned l) { return b[l]; });
}
template <class T, bool HI, bool IN, bool OUT>  // T carries the signedness of .hi
void mad(Warp& w, const Instr& in) {
  using U = std::make_unsigned_t<T>;
  using W = std::conditional_t<sizeof(T) == 4, std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>,
                               std::conditional_t<std::is_signed_v<T>, __int128, unsigned __int128>>;
  const U *a = w.op<U>(in, 1), *b = w.op<U>(in, 2), *c = w.op<U>(in, 3);
  chain<U, false, IN, OUT>(
      w, in, [a, b](unsigned l) { return U((W(T(a[l])) * W(T(b[l]))) >> (HI ? 8 * sizeof(T) : 0)); },
      [c](unsigned l) { return c[l]; });
}

template <bool SUB, bool IN>
Handler select_add_sub(Form& f) {
  const bool out = f.has("cc");
  if (ptx::bits_of(f.type()) == 64)
    return out ? add_sub<uint64_t, SUB, IN, true> : add_sub<uint64_t, SUB, IN, false>;
  return out ? add_sub<uint32_t, SUB, IN, true> : add_sub<uint32_t, SUB, IN, false>;
}
template <bool HI, bool IN>
Handler select_mad(Form& f) {
  const bool out = f.has("cc");
  return on_integer(f.type(), [out](auto t) -> Handler {
    using T = decltype(t);
    if constexpr (sizeof(T) < 4)
      return nullptr;
    else
      return out ? mad<T, HI, IN, true> : mad<T, HI, IN, false>;
  });
}

}  // namespace

#define PTX(name) "#extended-precision-integer-arithmetic-instructions-" name
void add_rows(Rows& rows) {
  constexpr Scope L = Scope::LANE;
  // clang-format off
  //        name         types          modifiers operands scope select                        anchor
  rows.add({"add.cc",    I32_64|B32_64, "",   D_A_B,   L, select_add_sub<false, false>, PTX("add-cc")});
  rows.add({"addc",      I32_64|B32_64, "cc", D_A_B,   L, select_add_sub<false, true>,  PTX("addc")});
  rows.add({"sub.cc",    I32_64|B32_64, "",   D_A_B,   L, select_add_sub<true, false>,  PTX("sub-cc")});
  rows.add({"subc",      I32_64|B32_64, "cc", D_A_B,   L, select_add_sub<true, true>,   PTX("subc")});
  rows.add({"mad.lo.cc", I32_64,        "",   D_A_B_C, L, select_mad<false, false>,     PTX("mad-cc")});
  rows.add({"mad.hi.cc", I32_64,        "",   D_A_B_C, L, select_mad<true, false>,      PTX("mad-cc")});
  rows.add({"madc.lo",   I32_64,        "cc", D_A_B_C, L, select_mad<false, true>,      PTX("madc")});
  rows.add({"madc.hi",   I32_64,        "cc", D_A_B_C, L, select_mad<true, true>,       PTX("madc")});
  // clang-format on
}
#undef PTX

}  // namespace sim::carry_chapter
