// PTX ISA 9.7.9 Data Movement and Conversion: mov with its vector forms, and prmt.
#include "chapters.h"
#include "select.h"

namespace sim::move_chapter {
namespace {

template <class T>
void copy(Warp& w, const Instr& in) {
  map<T, T>(w, in, [](T a) { return a; });
}
void copy_128(Warp& w, const Instr& in) {
  struct Wide {
    uint64_t half[2];
  };
  Wide *d = w.op<Wide>(in, 0), *a = w.op<Wide>(in, 1);
  for (unsigned l = 0; l < LANES; ++l)
    if (w.exec >> l & 1) d[l] = a[l];
}
void copy_pred(Warp& w, const Instr& in) { write_pred(w, w.pred(in, 0), w.pred(in, 1)); }
void set_pred(Warp& w, const Instr& in) { write_pred(w, w.pred(in, 0), in.aux ? ALL : 0); }

// mov.b64 d, {a, b}: the first element is the lowest. WHOLE and PART are the slots' types, BITS the width of
// an element.
template <class WHOLE, class PART, unsigned N, unsigned BITS>
void pack(Warp& w, const Instr& in) {
  const PART* part[N];
  for (unsigned k = 0; k < N; ++k) part[k] = w.op<PART>(in, k + 1);
  WHOLE t[LANES];
  constexpr WHOLE mask =
      BITS >= 8 * sizeof(WHOLE) ? ~WHOLE(0) : (WHOLE(1) << (BITS % (8 * sizeof(WHOLE)))) - 1;
  SIM_EACH_LANE(l) {
    WHOLE v = 0;
    for (unsigned k = 0; k < N; ++k) v |= (WHOLE(part[k][l]) & mask) << (k * BITS);
    t[l] = v;
  }
  blend(w.op<WHOLE>(in, 0), t, w.exec);
}
template <class WHOLE, class PART, unsigned N, unsigned BITS>
void unpack(Warp& w, const Instr& in) {
  WHOLE a[LANES];  // a part may take the place of the whole
  std::memcpy(a, w.op<WHOLE>(in, N), sizeof a);
  constexpr WHOLE mask =
      BITS >= 8 * sizeof(WHOLE) ? ~WHOLE(0) : (WHOLE(1) << (BITS % (8 * sizeof(WHOLE)))) - 1;
  for (unsigned k = 0; k < N; ++k) {
    PART t[LANES];
    SIM_EACH_LANE(l) t[l] = PART((a[l] >> (k * BITS)) & mask);
    blend(w.op<PART>(in, k), t, w.exec);
  }
}
// b128 <-> two b64 or four b32
template <class PART, unsigned N, bool PACK>
void halves_128(Warp& w, const Instr& in) {
  uint8_t* whole = w.op<uint8_t>(in, PACK ? 0 : N);
  for (unsigned l = 0; l < LANES; ++l)
    if (w.exec >> l & 1)
      for (unsigned k = 0; k < N; ++k) {
        PART& part = w.op<PART>(in, PACK ? k + 1 : k)[l];
        uint8_t* at = whole + 16 * l + sizeof(PART) * k;
        if (PACK)
          std::memcpy(at, &part, sizeof part);
        else
          std::memcpy(&part, at, sizeof part);
      }
}
template <bool PACK>
Handler vector_mov(unsigned bits, size_t n) {
#define SIM_VECTOR(W, P, N, B) return PACK ? pack<W, P, N, B> : unpack<W, P, N, B>
  switch (bits * 16 + n) {
    case 16 * 16 + 2:
      SIM_VECTOR(uint32_t, uint32_t, 2, 8);
    case 32 * 16 + 2:
      SIM_VECTOR(uint32_t, uint32_t, 2, 16);
    case 32 * 16 + 4:
      SIM_VECTOR(uint32_t, uint32_t, 4, 8);
    case 64 * 16 + 2:
      SIM_VECTOR(uint64_t, uint32_t, 2, 32);
    case 64 * 16 + 4:
      SIM_VECTOR(uint64_t, uint32_t, 4, 16);
    case 128 * 16 + 2:
      return halves_128<uint64_t, 2, PACK>;
    case 128 * 16 + 4:
      return halves_128<uint32_t, 4, PACK>;
    default:
      return nullptr;
  }
#undef SIM_VECTOR
}

Handler mov(Form& f) {
  const unsigned bits = ptx::bits_of(f.type());
  const ptx::Operand &d = f.text.operands.at(0), &a = f.text.operands.at(1);
  if (d.kind == ptx::Operand::vector || a.kind == ptx::Operand::vector) {
    const size_t n = f.operand.size() - 1;
    const bool packs = a.kind == ptx::Operand::vector;
    // immediates as elements have the element's width
    for (Flat& o : f.operand)
      if (o.kind == Flat::imm) o.imm_bits = bits / n > 32 ? 64 : 32;
    return packs ? vector_mov<true>(bits, n) : vector_mov<false>(bits, n);
  }
  if (f.operand.size() != 2) return nullptr;
  if (f.type() == Type::pred) {
    if (f.operand[1].kind != Flat::imm) return copy_pred;
    f.aux = f.operand[1].value;
    return set_pred;
  }
  switch (bits) {
    case 8:
      return copy<uint8_t>;
    case 16:
      return copy<uint16_t>;
    case 32:
      return copy<uint32_t>;
    case 64:
      return copy<uint64_t>;
    case 128:
      return copy_128;
    default:
      return nullptr;
  }
}

// prmt: bytes of [b:a] picked by four selectors; in the default mode bit 3 of a selector replicates the
// byte's sign instead.
uint32_t pick_byte(uint64_t both, uint32_t selector) {
  const uint32_t byte = uint32_t(both >> (8 * (selector & 7))) & 0xff;
  return selector & 8 ? (byte & 0x80 ? 0xffu : 0u) : byte;
}
void prmt_default(Warp& w, const Instr& in) {
  map<uint32_t, uint32_t, uint32_t, uint32_t>(w, in, [](uint32_t a, uint32_t b, uint32_t c) {
    const uint64_t both = uint64_t(b) << 32 | a;
    return pick_byte(both, c) | pick_byte(both, c >> 4) << 8 | pick_byte(both, c >> 8) << 16 |
           pick_byte(both, c >> 12) << 24;
  });
}
// A constant selector that moves whole 16-bit halves, as packing does: 0x5410, 0x7632 ...
void prmt_halves(Warp& w, const Instr& in) {
  const unsigned low = in.aux & 7, high = in.aux >> 8 & 7;
  const uint32_t *a = w.op<uint32_t>(in, low & 4 ? 2 : 1), *b = w.op<uint32_t>(in, high & 4 ? 2 : 1);
  const unsigned s = low & 2 ? 16 : 0, t = high & 2 ? 0 : 16;
  uint32_t out[LANES];
  SIM_EACH_LANE(l) out[l] = (a[l] >> s & 0xffffu) | (b[l] << t & 0xffff0000u);
  blend(w.op<uint32_t>(in, 0), out, w.exec);
}
bool moves_halves(uint64_t c) {
  const uint64_t low = c & 0xff, high = c >> 8 & 0xff;
  auto aligned = [](uint64_t two) { return !(two & 0x89) && two >> 4 == (two & 0xf) + 1; };
  return aligned(low) && aligned(high);
}
// The named modes: four selectors for each value of c mod 4, as one nibble table a mode.
template <uint64_t TABLE>
void prmt_mode(Warp& w, const Instr& in) {
  map<uint32_t, uint32_t, uint32_t, uint32_t>(w, in, [](uint32_t a, uint32_t b, uint32_t c) {
    const uint64_t both = uint64_t(b) << 32 | a;
    const uint32_t s = uint32_t(TABLE >> (16 * (c & 3))) & 0xffff;
    return pick_byte(both, s & 7) | pick_byte(both, s >> 4 & 7) << 8 | pick_byte(both, s >> 8 & 7) << 16 |
           pick_byte(both, s >> 12 & 7) << 24;
  });
}
Handler prmt(Form& f) {
  if (f.has("f4e")) return prmt_mode<0x6543'5432'4321'3210>;
  if (f.has("b4e")) return prmt_mode<0x0123'7012'6701'5670>;
  if (f.has("rc8")) return prmt_mode<0x3333'2222'1111'0000>;
  if (f.has("ecl")) return prmt_mode<0x3333'3222'3211'3210>;
  if (f.has("ecr")) return prmt_mode<0x3210'2210'1110'0000>;
  if (f.has("rc16")) return prmt_mode<0x3232'1010'3232'1010>;
  if (f.operand.at(3).kind == Flat::imm && moves_halves(f.operand[3].value)) {
    f.aux = f.operand[3].value;
    return prmt_halves;
  }
  return prmt_default;
}

}  // namespace

void add_rows(Rows& rows) {
  constexpr TypeSet any =
      B16_64 | I16_64 | F32_64 | PRED |
      types({Type::b128, Type::b8, Type::u8, Type::s8, Type::f16, Type::f16x2, Type::bf16, Type::bf16x2});
  // clang-format off
  //        name    types modifiers                   operands scope        select anchor
  rows.add({"mov",  any, "",                         D_A,     Scope::LANE, mov,  "#data-movement-and-conversion-instructions-mov"});
  rows.add({"prmt", B32, "f4e|b4e|rc8|ecl|ecr|rc16", D_A_B_C, Scope::LANE, prmt, "#data-movement-and-conversion-instructions-prmt"});
  // clang-format on
}

}  // namespace sim::move_chapter
