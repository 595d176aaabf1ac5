// Shared by the chapters: type sets of the rows, and the step from an opcode's type to a C++ type.
#pragma once
#include <cmath>

#include "../machine/lane.h"
#include "../machine/row.h"
#include "../numerics/bits.h"

namespace sim {

inline constexpr TypeSet I16_64 = types({Type::u16, Type::u32, Type::u64, Type::s16, Type::s32, Type::s64}),
                         I32_64 = types({Type::u32, Type::u64, Type::s32, Type::s64}),
                         I16_32 = types({Type::u16, Type::u32, Type::s16, Type::s32}),
                         I32 = types({Type::u32, Type::s32}),
                         S16_64 = types({Type::s16, Type::s32, Type::s64}),
                         I16X2 = types({Type::u16x2, Type::s16x2}),
                         B16_64 = types({Type::b16, Type::b32, Type::b64}),
                         B32_64 = types({Type::b32, Type::b64}), B32 = types({Type::b32}),
                         F32_64 = types({Type::f32, Type::f64}), F32_ONLY = types({Type::f32}),
                         F64_ONLY = types({Type::f64}), F32X2 = types({Type::f32x2}),
                         HALF = types({Type::f16, Type::bf16}), HALF2 = types({Type::f16x2, Type::bf16x2}),
                         PRED = types({Type::pred});

// c(T{}) with the C++ type of a PTX integer or bit type; nullptr for any other.
template <class C>
Handler on_integer(Type t, C c) {
  switch (t) {
    case Type::u8:
    case Type::b8:
      return c(uint8_t{});
    case Type::s8:
      return c(int8_t{});
    case Type::u16:
    case Type::b16:
      return c(uint16_t{});
    case Type::s16:
      return c(int16_t{});
    case Type::u32:
    case Type::b32:
      return c(uint32_t{});
    case Type::s32:
      return c(int32_t{});
    case Type::u64:
    case Type::b64:
      return c(uint64_t{});
    case Type::s64:
      return c(int64_t{});
    default:
      return nullptr;
  }
}
// The same by width alone, unsigned: arithmetic modulo 2^n, where the sign does not matter.
template <class C>
Handler on_bits(Type t, C c) {
  switch (ptx::bits_of(t)) {
    case 8:
      return c(uint8_t{});
    case 16:
      return c(uint16_t{});
    case 32:
      return c(uint32_t{});
    case 64:
      return c(uint64_t{});
    default:
      return nullptr;
  }
}

// Rows of one type throughout: d = F(a), F(a, b), F(a, b, c).
template <auto F, class T>
void unary(Warp& w, const Instr& in) {
  map<T, T>(w, in, [](T a) { return T(F(a)); });
}
template <auto F, class T>
void binary(Warp& w, const Instr& in) {
  map<T, T, T>(w, in, [](T a, T b) { return T(F(a, b)); });
}
template <auto F, class T>
void ternary(Warp& w, const Instr& in) {
  map<T, T, T, T>(w, in, [](T a, T b, T c) { return T(F(a, b, c)); });
}

template <auto F>
Handler bits_unary(Form& f) {
  return on_bits(f.type(), [](auto t) -> Handler { return unary<F, decltype(t)>; });
}
template <auto F>
Handler bits_binary(Form& f) {
  return on_bits(f.type(), [](auto t) -> Handler { return binary<F, decltype(t)>; });
}
template <auto F>
Handler bits_ternary(Form& f) {
  return on_bits(f.type(), [](auto t) -> Handler { return ternary<F, decltype(t)>; });
}
template <auto F>
Handler integer_unary(Form& f) {
  return on_integer(f.type(), [](auto t) -> Handler { return unary<F, decltype(t)>; });
}
template <auto F>
Handler integer_binary(Form& f) {
  return on_integer(f.type(), [](auto t) -> Handler { return binary<F, decltype(t)>; });
}
// Selects one handler whatever the form.
template <Handler H>
Handler always(Form&) {
  return H;
}
// A function as an object of its own type: a plain function would be called through a pointer in the lane
// loop.
template <auto F>
struct Inline {
  template <class... A>
  [[gnu::always_inline]] auto operator()(A... a) const {
    return F(a...);
  }
};
template <auto F>
inline constexpr Inline<F> inlined{};
// An operand of fixed width whatever the opcode's type (shift amounts, positions): corrects the immediate's
// slot.
inline void fix_width(Form& f, size_t k, unsigned bits) { f.operand.at(k).imm_bits = bits; }

// Registers that hold N elements of E each, worked on as one run of 32 * N elements.
typedef uint16_t __attribute__((may_alias)) half_lane;
typedef uint32_t __attribute__((may_alias)) word_lane;

namespace detail {
template <class E, unsigned N, class F, size_t... K>
inline void packed(Warp& w, const Instr& in, F f, std::index_sequence<K...>) {
  using Word = std::conditional_t<sizeof(E) * N == 8, uint64_t, uint32_t>;
  constexpr unsigned n = LANES * N;
  auto* d = w.op<Word>(in, 0);
  auto run = [&](E* out, auto*... s) {
    _Pragma("GCC ivdep") for (unsigned i = 0; i < n; ++i) out[i] = f(s[i]...);
  };
  if (w.exec == ALL) {
    run(reinterpret_cast<E*>(d), reinterpret_cast<const E*>(w.op<Word>(in, K + 1))...);
  } else {
    alignas(64) Word t[LANES];
    run(reinterpret_cast<E*>(t), reinterpret_cast<const E*>(w.op<Word>(in, K + 1))...);
    blend(d, t, w.exec);
  }
}
}  // namespace detail
// d = f(a, ...) on each element of the packed registers: packed<half_lane, 2, 3>(w, in, f) for fma.f16x2.
template <class E, unsigned N, unsigned SOURCES, class F>
inline void packed(Warp& w, const Instr& in, F f) {
  detail::packed<E, N>(w, in, f, std::make_index_sequence<SOURCES>{});
}

// Rounding named by an opcode; RN when none is.
inline Round round_of(const Form& f) {
  if (f.has("rz")) return Round::RZ;
  if (f.has("rm")) return Round::RM;
  if (f.has("rp")) return Round::RP;
  if (f.has("rna")) return Round::RNA;
  if (f.has("rs")) return Round::RS;
  return Round::RN;
}

}  // namespace sim
