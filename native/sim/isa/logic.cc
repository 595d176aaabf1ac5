// PTX ISA 9.7.8 Logic and Shift Instructions.
#include "chapters.h"
#include "select.h"

namespace sim::logic_chapter {
namespace {

constexpr auto and_ = [](auto a, auto b) { return a & b; };
constexpr auto or_ = [](auto a, auto b) { return a | b; };
constexpr auto xor_ = [](auto a, auto b) { return a ^ b; };
constexpr auto not_ = [](auto a) { return ~a; };
constexpr auto cnot_ = [](auto a) { return a == 0 ? 1 : 0; };

// A predicate is one bit a lane in one word: the word operation does all lanes.
template <auto F>
void pred_binary(Warp& w, const Instr& in) {
  write_pred(w, w.pred(in, 0), F(w.pred(in, 1), w.pred(in, 2)));
}
void pred_not(Warp& w, const Instr& in) { write_pred(w, w.pred(in, 0), ~w.pred(in, 1)); }

// d = any function of three bits, given as its truth table: bit i of the table for i = a << 2 | b << 1 | c.
inline uint32_t truth(uint32_t a, uint32_t b, uint32_t c, uint64_t table) {
  uint32_t r = 0;
  for (unsigned i = 0; i < 8; ++i) {
    const uint32_t on = 0u - uint32_t(table >> i & 1);
    r |= on & (i & 4 ? a : ~a) & (i & 2 ? b : ~b) & (i & 1 ? c : ~c);
  }
  return r;
}
void lop3_run(Warp& w, const Instr& in) {
  const uint64_t table = in.aux;
  map<uint32_t, uint32_t, uint32_t, uint32_t>(
      w, in, [table](uint32_t a, uint32_t b, uint32_t c) { return truth(a, b, c, table); });
}
// The table is mostly a compile-time constant of the kernel: the common ones get their own loop.
template <uint64_t TABLE>
void lop3_of(Warp& w, const Instr& in) {
  map<uint32_t, uint32_t, uint32_t, uint32_t>(
      w, in, [](uint32_t a, uint32_t b, uint32_t c) { return truth(a, b, c, TABLE); });
}
Handler lop3(Form& f) {
  if (f.operand.at(4).kind != Flat::imm) return nullptr;
  f.aux = f.operand[4].value & 0xff;
  switch (f.aux) {
    case 0x80:
      return lop3_of<0x80>;
    case 0xfe:
      return lop3_of<0xfe>;
    case 0x96:
      return lop3_of<0x96>;
    case 0xc8:
      return lop3_of<0xc8>;
    case 0xf8:
      return lop3_of<0xf8>;
    case 0xe8:
      return lop3_of<0xe8>;
    case 0xca:
      return lop3_of<0xca>;
    case 0xea:
      return lop3_of<0xea>;
    case 0x78:
      return lop3_of<0x78>;
    case 0x6a:
      return lop3_of<0x6a>;
    default:
      return lop3_run;
  }
}
// lop3.BoolOp.b32 d|p, a, b, c, table, q: p = (d != 0) BoolOp q
template <auto F>
void lop3_pred(Warp& w, const Instr& in) {
  const uint32_t *a = w.op<uint32_t>(in, 2), *b = w.op<uint32_t>(in, 3), *c = w.op<uint32_t>(in, 4);
  const uint32_t q = *w.slot<uint32_t>(in.more[6]);
  uint32_t t[LANES];
  SIM_EACH_LANE(l) t[l] = truth(a[l], b[l], c[l], in.aux);
  blend(w.op<uint32_t>(in, 0), t, w.exec);
  write_pred(w, w.pred(in, 1), F(mask_of(t), q));
}
Handler lop3_bool(Form& f) {
  if (f.operand.size() != 7 || f.operand[5].kind != Flat::imm) return nullptr;
  f.aux = f.operand[5].value & 0xff;
  return f.has("or") ? lop3_pred<or_> : lop3_pred<and_>;
}

// Shift amounts are 32 bits wide and clamp at the width: shl and shr.u give 0, shr.s the sign.
template <class T>
T shift_left(T a, uint32_t n) {
  using U = std::make_unsigned_t<T>;
  constexpr uint32_t width = 8 * sizeof(T);
  return n < width ? T(U(a) << (n & (width - 1))) : T(0);
}
template <class T>
T shift_right(T a, uint32_t n) {
  constexpr uint32_t width = 8 * sizeof(T);
  if constexpr (std::is_signed_v<T>)
    return T(a >> (n < width ? n : width - 1));
  else
    return n < width ? T(a >> (n & (width - 1))) : T(0);
}
Handler shl(Form& f) {
  fix_width(f, 2, 32);
  return on_bits(f.type(), [](auto t) -> Handler {
    using T = decltype(t);
    return [](Warp& w, const Instr& in) { map<T, T, uint32_t>(w, in, inlined<shift_left<T>>); };
  });
}
Handler shr(Form& f) {
  fix_width(f, 2, 32);
  return on_integer(f.type(), [](auto t) -> Handler {
    using T = decltype(t);
    return [](Warp& w, const Instr& in) { map<T, T, uint32_t>(w, in, inlined<shift_right<T>>); };
  });
}
// Funnel shift of [b:a] (b the upper word) by c, modulo 32 (.wrap) or limited to 32 (.clamp).
template <bool LEFT, bool WRAP>
void shf_run(Warp& w, const Instr& in) {
  map<uint32_t, uint32_t, uint32_t, uint32_t>(w, in, [](uint32_t a, uint32_t b, uint32_t c) {
    const uint32_t n = WRAP ? c & 31 : c < 32 ? c : 32;
    const uint64_t both = uint64_t(b) << 32 | a;
    return LEFT ? uint32_t((both << n) >> 32) : uint32_t(both >> n);
  });
}
Handler shf(Form& f) {
  const bool left = f.has("l"), wrap = f.has("wrap");
  if (left == f.has("r") || wrap == f.has("clamp")) return nullptr;
  return left   ? (wrap ? shf_run<true, true> : shf_run<true, false>)
         : wrap ? shf_run<false, true>
                : shf_run<false, false>;
}

}  // namespace

#define PTX(name) "#logic-and-shift-instructions-" name
void add_rows(Rows& rows) {
  constexpr Scope L = Scope::LANE;
  constexpr Pattern D_A_B_C_T{5, 5}, DP_A_B_C_T_Q{6, 6};
  // clang-format off
  //        name    types          modifiers         operands      scope select                     anchor
  rows.add({"and",  B16_64,        "",               D_A_B,        L, bits_binary<and_>,         PTX("and")});
  rows.add({"or",   B16_64,        "",               D_A_B,        L, bits_binary<or_>,          PTX("or")});
  rows.add({"xor",  B16_64,        "",               D_A_B,        L, bits_binary<xor_>,         PTX("xor")});
  rows.add({"not",  B16_64,        "",               D_A,          L, bits_unary<not_>,          PTX("not")});
  rows.add({"cnot", B16_64,        "",               D_A,          L, bits_unary<cnot_>,         PTX("cnot")});
  rows.add({"and",  PRED,          "",               D_A_B,        L, always<pred_binary<and_>>, PTX("and")});
  rows.add({"or",   PRED,          "",               D_A_B,        L, always<pred_binary<or_>>,  PTX("or")});
  rows.add({"xor",  PRED,          "",               D_A_B,        L, always<pred_binary<xor_>>, PTX("xor")});
  rows.add({"not",  PRED,          "",               D_A,          L, always<pred_not>,          PTX("not")});
  rows.add({"lop3", B32,           "",               D_A_B_C_T,    L, lop3,                      PTX("lop3")});
  rows.add({"lop3", B32,           "or|and",         DP_A_B_C_T_Q, L, lop3_bool,                 PTX("lop3")});
  rows.add({"shl",  B16_64,        "",               D_A_B,        L, shl,                       PTX("shl")});
  rows.add({"shr",  B16_64|I16_64, "",               D_A_B,        L, shr,                       PTX("shr")});
  rows.add({"shf",  B32,           "l|r|clamp|wrap", D_A_B_C,      L, shf,                       PTX("shf")});
  // clang-format on
}
#undef PTX

}  // namespace sim::logic_chapter
