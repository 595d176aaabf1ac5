// PTX ISA 9.7.13 atom and red: one read-modify-write a lane, lanes in ascending order, each a host atomic as well (b128
// excepted: the host has none that is portable, it takes one lock for all).
#include <mutex>

#include "../machine/access.h"
#include "chapters.h"
#include "reduction.h"
#include "select.h"

namespace sim {

using namespace reduction;

namespace atomic_chapter {
namespace {

// Where the operands are; unpacked from Instr::aux. `result`: the old value is wanted.
struct Shape {
  uint8_t space, wide, result, count, address, value, pad[2];
};

// F(old, b[, c]) on unsigned cells U; register slots are 32 or 64 bits wide.
template <class U, auto F, bool TERNARY>
void atom(Warp& w, const Instr& in) {
  using Reg = typename SlotOf<U>::type;
  const Shape s = __builtin_bit_cast(Shape, in.aux);
  uint64_t at[LANES];
  addresses(w, in, s.address, 0, s.wide, at);
  for (unsigned l = 0; l < LANES; ++l) {
    if (!(w.exec >> l & 1)) continue;
    U* cell = reinterpret_cast<U*>(
        resolve(w, in, l, Space(s.space), at[l], sizeof(U) * s.count, sizeof(U) * s.count, Access::update));
    for (unsigned k = 0; k < s.count; ++k) {
      const U b = U(w.op_any<Reg>(in, s.value + k)[l]);
      U old;
      if constexpr (TERNARY) {
        const U c = U(w.op_any<Reg>(in, s.value + s.count + k)[l]);
        old = update(cell + k, [&](U r) { return U(F(r, b, c)); }, std::memory_order_acq_rel);
      } else {
        old = update(cell + k, [&](U r) { return U(F(r, b)); }, std::memory_order_acq_rel);
      }
      if (s.result) w.op_any<Reg>(in, k)[l] = old;
    }
  }
}

struct Wide {
  uint64_t half[2];
};
template <bool CAS>
void atom_128(Warp& w, const Instr& in) {
  static std::mutex lock;
  const Shape s = __builtin_bit_cast(Shape, in.aux);
  uint64_t at[LANES];
  addresses(w, in, s.address, 0, s.wide, at);
  std::lock_guard hold(lock);
  for (unsigned l = 0; l < LANES; ++l) {
    if (!(w.exec >> l & 1)) continue;
    uint8_t* cell = resolve(w, in, l, Space(s.space), at[l], 16, 16, Access::update);
    const Wide b = w.op_any<Wide>(in, s.value)[l];
    Wide old, next = b;
    std::memcpy(&old, cell, 16);
    if constexpr (CAS) next = std::memcmp(&old, &b, 16) == 0 ? w.op_any<Wide>(in, s.value + 1)[l] : old;
    std::memcpy(cell, &next, 16);
    w.op_any<Wide>(in, 0)[l] = old;
  }
}

constexpr auto exch = [](auto, auto b) { return b; };
constexpr auto cas = [](auto r, auto b, auto c) { return r == b ? c : r; };
// Shared memory adds doubles in the SM, whose rule for NaN is arith.h's, with the old value as the second operand (an
// H200).
constexpr auto add_f64_shared = [](uint64_t r, uint64_t b) {
  return bits(prefer_nan(f64(r) + f64(b), f64(r), f64(b)));
};

template <auto F>
constexpr auto one16 = [](uint32_t r, uint32_t b) { return F(uint16_t(r), uint16_t(b)); };
template <auto F>
constexpr auto two16 = [](uint32_t r, uint32_t b) {
  return uint32_t(F(uint16_t(r), uint16_t(b))) | uint32_t(F(uint16_t(r >> 16), uint16_t(b >> 16))) << 16;
};
template <class H, auto F>
Handler half_op(bool pair) {
  return pair ? atom<uint32_t, two16<F>, false> : atom<uint16_t, one16<F>, false>;
}
template <class H>
Handler half_ops(Form& f, bool pair) {
  if (f.has("add")) return half_op<H, add_half<H>>(pair);
  if (f.has("min")) return half_op<H, extreme_half<H, false>>(pair);
  if (f.has("max")) return half_op<H, extreme_half<H, true>>(pair);
  return nullptr;
}

template <class U>
Handler integer_ops(Form& f) {
  using S = std::make_signed_t<U>;
  const bool is_signed = ptx::is_signed(f.type());
  if (f.has("exch")) return atom<U, exch, false>;
  if (f.has("cas")) return atom<U, cas, true>;
  if constexpr (sizeof(U) == 2) return nullptr;
  if (f.has("and")) return atom<U, and_, false>;
  if (f.has("or")) return atom<U, or_, false>;
  if (f.has("xor")) return atom<U, xor_, false>;
  if (f.has("add")) return atom<U, add, false>;
  if (f.has("min")) return is_signed ? atom<U, lesser<S>, false> : atom<U, lesser<U>, false>;
  if (f.has("max")) return is_signed ? atom<U, greater<S>, false> : atom<U, greater<U>, false>;
  if constexpr (sizeof(U) == 4) {
    if (f.has("inc")) return atom<U, inc, false>;
    if (f.has("dec")) return atom<U, dec, false>;
  }
  return nullptr;
}

Handler handler_of(Form& f, Space space) {
  // in global memory f32 addition flushes subnormals, in shared it keeps them (PTX
  // #parallel-synchronization-and-communication-instructions-atom)
  const bool in_shared = space == Space::shared;
  switch (f.type()) {
    case Type::b16:
      return integer_ops<uint16_t>(f);
    case Type::b32:
    case Type::u32:
    case Type::s32:
      return integer_ops<uint32_t>(f);
    case Type::b64:
    case Type::u64:
    case Type::s64:
      return integer_ops<uint64_t>(f);
    case Type::b128:
      return f.has("cas") ? atom_128<true> : f.has("exch") ? atom_128<false> : nullptr;
    case Type::f32:
      if (f.has("exch")) return atom<uint32_t, exch, false>;
      return !f.has("add")     ? nullptr
             : in_shared ? atom<uint32_t, add_f32, false>
                               : atom<uint32_t, add_f32_ftz, false>;
    case Type::f64:
      return f.has("add")    ? in_shared ? atom<uint64_t, add_f64_shared, false>
                                                : atom<uint64_t, add_f64, false>
             : f.has("exch") ? atom<uint64_t, exch, false>
                             : nullptr;
    case Type::f16:
      return half_ops<f16_t>(f, false);
    case Type::bf16:
      return half_ops<bf16_t>(f, false);
    case Type::f16x2:
      return half_ops<f16_t>(f, true);
    case Type::bf16x2:
      return half_ops<bf16_t>(f, true);
    default:
      return nullptr;
  }
}
// Flat operands: [d...,] address, b...[, c...][, cache-policy]
template <bool RESULT>
Handler select(Form& f) {
  const Space space = space_of(f.op);
  const uint8_t n = f.has("v8") ? 8 : f.has("v4") ? 4 : f.has("v2") ? 2 : 1;
  const uint8_t address = RESULT ? n : 0;
  if (f.operand.size() < size_t(address) + 1 + n * (f.has("cas") ? 2 : 1)) return nullptr;
  if (!f.operand[address].address) return nullptr;
  f.aux = __builtin_bit_cast(
      uint64_t,
      Shape{uint8_t(space), f.operand[address].bits == 64, RESULT, n, address, uint8_t(address + 1), {}});
  return handler_of(f, space);
}

}  // namespace

void add_rows(Rows& rows) {
  constexpr TypeSet any = B16_64 | I32_64 | F32_64 | HALF | HALF2 | types({Type::b128});
  constexpr const char* words =
      "relaxed|acquire|release|acq_rel|cta|cluster|gpu|sys|global|shared|shared::cta|shared::cluster|noftz|"
      "L2::cache_hint|v2|v4|v8|"
      "and|or|xor|cas|exch|add|inc|dec|min|max";
  constexpr Pattern ATOM{3, 5, 1}, RED{2, 3, 0};
  // clang-format off
  //        name    types modifiers operands scope        select         anchor
  rows.add({"atom", any, words, ATOM, Scope::LANE, select<true>,  "#parallel-synchronization-and-communication-instructions-atom"});
  rows.add({"red",  any, words, RED,  Scope::LANE, select<false>, "#parallel-synchronization-and-communication-instructions-red"});
  // clang-format on
}

}  // namespace atomic_chapter
}  // namespace sim
