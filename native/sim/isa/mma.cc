// PTX ISA 9.7.15 mma.sync: which types and shapes there are, and how fragments lie in the lanes. The
// arithmetic is numerics/mma_tile.h's.
//
// For every m16n8 and m8n8 shape of 4 to 32-bit elements (PTX #warp-level-matrix-fragment-mma-16816-float and
// its neighbours), lane l = 4g + t:
//   A register i: row g + 8 (i & 1), bytes 4t + 16 (i >> 1) .. + 3 of the row's K elements
//   B register i: column g,          bytes 4t + 16 i .. + 3
//   C, D:         rows g (registers 0, 1) and g + 8 (2, 3), columns 2t and 2t + 1; f16 packs the two columns
//   in one register
// m8n8 has only the rows g. f64 elements count as one register each: A register i holds k = t + 4 (i >> 1), B
// register i k = t + 4 i.
#include "../numerics/mma_tile.h"
#include "arith.h"
#include "chapters.h"
#include "select.h"

namespace sim {
namespace {

// Unpacked from Instr::aux
struct Shape {
  uint8_t m, k_bytes;               // k_bytes: of a row of A
  uint8_t kind_a, kind_b;           // floats: ptx::Type; integers: signed?
  uint8_t half_c, half_d, op, pad;  // op: integers .satfinite, bits .and
};
Shape shape(const Instr& in) { return __builtin_bit_cast(Shape, in.aux); }

struct Place {
  unsigned a, b, c, d, n_a, n_b, n_c, n_d;  // first flat operand and count of each matrix: order d, a, b, c
};
Place place(const Shape& s) {
  Place p{};
  p.n_a = s.k_bytes * s.m / 128, p.n_b = s.k_bytes / 16;
  p.n_d = (s.m / 4) >> s.half_d, p.n_c = (s.m / 4) >> s.half_c;
  p.d = 0, p.a = p.n_d, p.b = p.a + p.n_a, p.c = p.b + p.n_b;
  return p;
}

// C as four registers of floats from f32 or f16 fragments, and D back.
void read_c(Warp& w, const Instr& in, const Shape& s, const Place& p, float (*c)[LANES]) {
  for (unsigned r = 0; r < 4; ++r) {
    if (!s.half_c) {
      std::memcpy(c[r], w.op_any<float>(in, p.c + r), sizeof c[r]);
    } else {
      const uint32_t* x = w.op_any<uint32_t>(in, p.c + r / 2);
      SIM_EACH_LANE(l) c[r][l] = f16_to_f32(x[l] >> (16 * (r % 2)) & 0xffff);
    }
  }
}
void write_d(Warp& w, const Instr& in, const Shape& s, const Place& p, const float (*d)[LANES]) {
  if (s.half_d) {
    for (unsigned r = 0; r < 4; r += 2) {
      uint32_t* x = w.op_any<uint32_t>(in, p.d + r / 2);
      SIM_EACH_LANE(l) x[l] = f32_to_f16_rn(bits(d[r][l])) | f32_to_f16_rn(bits(d[r + 1][l])) << 16;
    }
  } else {
    // one loop over all 128 numbers first: four short ones gcc would unroll into scalar code
    alignas(64) uint32_t out[4 * LANES];
    const float* v = d[0];
    for (unsigned i = 0; i < 4 * LANES; ++i) out[i] = canonical(v[i]);
    for (unsigned r = 0; r < 4; ++r)
      std::memcpy(w.op_any<uint32_t>(in, p.d + r), out + LANES * r, sizeof d[r]);
  }
}

Expand expand_of(Type t) {
  switch (t) {
    case Type::f16:
      return expand<Element::f16>;
    case Type::bf16:
      return expand<Element::bf16>;
    case Type::tf32:
      return expand<Element::tf32>;
    case Type::e4m3:
      return expand<Element::e4m3>;
    case Type::e5m2:
      return expand<Element::e5m2>;
    case Type::e2m3:
      return expand<Element::e2m3>;
    case Type::e3m2:
      return expand<Element::e3m2>;
    case Type::e2m1:
      return expand<Element::e2m1>;
    default:
      return nullptr;
  }
}
Element element_of(Type t) {
  return t == Type::f16 ? Element::f16 : t == Type::bf16 ? Element::bf16 : Element::tf32;
}
template <unsigned PER, unsigned K>
void mma_float(Warp& w, const Instr& in) {
  const Shape s = shape(in);
  const Place p = place(s);
  constexpr unsigned regs = K / (4 * PER);
  alignas(64) Lanes32 low[regs][PER], high[regs][PER], b[regs][PER], c[4], d[4];
  const Expand expand_a = expand_of(Type(s.kind_a)), expand_b = expand_of(Type(s.kind_b));
  for (unsigned r = 0; r < regs; ++r) {
    expand_a(w.op_any<uint32_t>(in, p.a + 2 * r), low[r]);
    expand_a(w.op_any<uint32_t>(in, p.a + 2 * r + 1), high[r]);
    expand_b(w.op_any<uint32_t>(in, p.b + r), b[r]);
  }
  read_c(w, in, s, p, c);
  multiply<PER, K>(low, high, b, c, d,
                   PER == 4 ? tensor_core_mma8(s.half_d)
                            : tensor_core(element_of(Type(s.kind_a)), element_of(Type(s.kind_b)), s.half_c, s.half_d));
  write_d(w, in, s, p, d);
}

// Integers and single bits: exact in 32-bit wrap-around arithmetic, or clamped with .satfinite.
template <unsigned BITS>
int32_t element(uint32_t word, unsigned e, bool is_signed) {
  const uint32_t v = word >> (e * BITS) & ((1u << BITS) - 1);
  return is_signed ? int32_t(v << (32 - BITS)) >> (32 - BITS) : int32_t(v);
}
template <unsigned BITS>
void mma_integer(Warp& w, const Instr& in) {
  const Shape s = shape(in);
  const Place p = place(s);
  constexpr unsigned per = 32 / BITS;
  const unsigned k = s.k_bytes * 8 / BITS;
  static thread_local int32_t a[16][128], b[8][128];
  for (unsigned i = 0; i < p.n_a; ++i) {
    const uint32_t* x = w.op_any<uint32_t>(in, p.a + i);
    const unsigned halves = s.m / 8, row = 8 * (i % halves), byte = 16 * (i / halves);
    for (unsigned l = 0; l < LANES; ++l)
      for (unsigned e = 0; e < per; ++e)
        a[row + l / 4][(byte + 4 * (l % 4)) * 8 / BITS + e] = element<BITS>(x[l], e, s.kind_a);
  }
  for (unsigned i = 0; i < p.n_b; ++i) {
    const uint32_t* x = w.op_any<uint32_t>(in, p.b + i);
    for (unsigned l = 0; l < LANES; ++l)
      for (unsigned e = 0; e < per; ++e)
        b[l / 4][(16 * i + 4 * (l % 4)) * 8 / BITS + e] = element<BITS>(x[l], e, s.kind_b);
  }
  uint32_t out[4][LANES];
  for (unsigned r = 0; r < s.m / 4u; ++r)
    for (unsigned l = 0; l < LANES; ++l) {
      const int32_t *x = a[l / 4 + 8 * (r / 2)], *y = b[2 * (l % 4) + r % 2];
      int32_t dot = 0;  // at most 128 products of 16 bits
      for (unsigned e = 0; e < k; ++e) dot += x[e] * y[e];
      const int64_t sum = int64_t(int32_t(w.op_any<uint32_t>(in, p.c + r)[l])) + dot;
      out[r][l] = s.op ? uint32_t(sum < INT32_MIN   ? INT32_MIN
                                  : sum > INT32_MAX ? INT32_MAX
                                                    : sum)
                       : uint32_t(sum);
    }
  for (unsigned r = 0; r < s.m / 4u; ++r) std::memcpy(w.op_any<uint32_t>(in, p.d + r), out[r], sizeof out[r]);
}
void mma_bits(Warp& w, const Instr& in) {
  const Shape s = shape(in);
  const Place p = place(s);
  const unsigned halves = s.m / 8, words = s.k_bytes / 4;
  uint32_t out[4][LANES];
  for (unsigned r = 0; r < s.m / 4u; ++r)
    for (unsigned l = 0; l < LANES; ++l) {
      uint32_t sum = w.op_any<uint32_t>(in, p.c + r)[l];
      for (unsigned i = 0; i < words; ++i) {
        const uint32_t a = w.op_any<uint32_t>(in, p.a + (i / 4) * halves + r / 2)[4 * (l / 4) + i % 4];
        const uint32_t b = w.op_any<uint32_t>(in, p.b + i / 4)[4 * (2 * (l % 4) + r % 2) + i % 4];
        sum += uint32_t(__builtin_popcount(s.op ? a & b : a ^ b));
      }
      out[r][l] = sum;
    }
  for (unsigned r = 0; r < s.m / 4u; ++r) std::memcpy(w.op_any<uint32_t>(in, p.d + r), out[r], sizeof out[r]);
}
// f64: fused multiply-adds in ascending k, rounded to nearest even as PTX requires of .rn, the default.
void mma_double(Warp& w, const Instr& in) {
  const Shape s = shape(in);
  const unsigned k = s.k_bytes / 8, halves = s.m / 8, n_d = s.m / 4, n_a = halves * (k / 4), n_b = k / 4;
  double out[4][LANES];
  for (unsigned r = 0; r < n_d; ++r)
    for (unsigned l = 0; l < LANES; ++l) {
      double sum = w.op_any<double>(in, n_d + n_a + n_b + r)[l];
      for (unsigned e = 0; e < k; ++e) {
        const double a = w.op_any<double>(in, n_d + (e / 4) * halves + r / 2)[4 * (l / 4) + e % 4];
        const double b = w.op_any<double>(in, n_d + n_a + e / 4)[4 * (2 * (l % 4) + r % 2) + e % 4];
        sum = fma64(a, b, sum);
      }
      out[r][l] = sum;
    }
  for (unsigned r = 0; r < n_d; ++r) std::memcpy(w.op_any<double>(in, r), out[r], sizeof out[r]);
}

// m16n8k16 -> 16, 16
bool dims(const Form& f, unsigned& m, unsigned& k) {
  for (size_t i = 1; i < f.op.tokens.size(); ++i) {
    unsigned n = 0;
    if (std::sscanf(f.op.tokens[i].c_str(), "m%un%uk%u", &m, &n, &k) == 3)
      return n == 8 && (m == 8 || m == 16);
  }
  return false;
}
Handler float_handler(Type a, Type b, unsigned m, unsigned k) {
  const unsigned bits = ptx::bits_of(a) < 8 ? 8 : ptx::bits_of(a);
  if (m != 16 || !expand_of(a) || !expand_of(b) || (bits > 8 && a != b)) return nullptr;
  if (bits == 8) return k == 32 ? mma_float<4, 32> : k == 16 ? mma_float<4, 16> : nullptr;
  if (bits == 16) return k == 16 ? mma_float<2, 16> : k == 8 ? mma_float<2, 8> : nullptr;
  return k == 8 ? mma_float<1, 8> : k == 4 ? mma_float<1, 4> : nullptr;
}

// Types in the opcode: d, a, b, c.
Handler mma(Form& f) {
  unsigned m, k;
  if (f.n_types() != 4 || !dims(f, m, k) || !f.has("row") || !f.has("col")) return nullptr;
  const Type d = f.type(0), a = f.type(1), b = f.type(2), c = f.type(3);
  const bool integer = d == Type::s32;
  unsigned element_bits = ptx::bits_of(a);
  // sub-byte floats come in 8-bit containers
  if (!integer && element_bits < 8) element_bits = 8;
  Shape s{};
  s.m = uint8_t(m), s.k_bytes = uint8_t(k * element_bits / 8);
  s.half_c = c == Type::f16, s.half_d = d == Type::f16;
  Handler h = nullptr;
  size_t operands = 0;
  if (d == Type::f64) {
    if (a != d || b != d || c != d || (k != 4 && m != 16)) return nullptr;
    operands = m / 4 * 2 + m / 8 * (k / 4) + k / 4;
    h = mma_double;
  } else {
    if (integer) {
      if (c != Type::s32 || ptx::bits_of(b) != element_bits) return nullptr;
      s.kind_a = ptx::is_signed(a), s.kind_b = ptx::is_signed(b);
      s.op = element_bits == 1 ? f.has("and") : f.has("satfinite");
      h = element_bits == 8   ? mma_integer<8>
          : element_bits == 4 ? mma_integer<4>
          : element_bits == 1 ? mma_bits
                              : nullptr;
    } else {
      if ((d != Type::f32 && d != Type::f16) || (c != Type::f32 && c != Type::f16)) return nullptr;
      s.kind_a = uint8_t(a), s.kind_b = uint8_t(b);
      h = float_handler(a, b, m, k);
    }
    const Place p = place(s);
    operands = p.n_a + p.n_b + p.n_c + p.n_d;
  }
  if (f.operand.size() != operands) return nullptr;
  f.aux = __builtin_bit_cast(uint64_t, s);
  return h;
}

}  // namespace

void mma_rows(Rows& rows) {
  constexpr Pattern MMA{4, 4, 1};
  constexpr TypeSet fp = types({Type::f16, Type::bf16, Type::tf32, Type::f32, Type::e4m3, Type::e5m2,
                                Type::e2m3, Type::e3m2, Type::e2m1});
  constexpr TypeSet ints = types({Type::s32, Type::s8, Type::u8, Type::s4, Type::u4, Type::b1});
  constexpr const char* anchor = "#warp-level-matrix-instructions-mma";
  // clang-format off
  //        name                types     modifiers                   operands scope        select anchor
  rows.add({"mma.sync.aligned", fp,       "m16n8*|row|col|kind::f8f6f4", MMA, Scope::WARP, mma, anchor});
  rows.add({"mma.sync.aligned", ints,     "m16n8*|m8n8*|row|col|satfinite|xor|and|popc", MMA, Scope::WARP, mma, anchor});
  rows.add({"mma.sync.aligned", F64_ONLY, "m16n8*|m8n8*|row|col|rn",  MMA, Scope::WARP, mma, anchor});
  // clang-format on
}

}  // namespace sim
