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
#include "arith.h"
#include "chapters.h"
#include "mma_fragment.h"
#include "mma_sparse.h"
#include "select.h"

namespace sim::mma_chapter {
namespace {

// Unpacked from Instr::aux
struct Shape {
  uint8_t m, k_bytes;      // k_bytes: of a column of B; a row of A has as many, or, sparse, stores half
  uint8_t kind_a, kind_b;  // floats: ptx::Type; integers: signed?
  uint8_t half_c : 1, half_d : 1, sparse : 1, ordered : 1;
  uint8_t selector, op, bits;  // op: integers .satfinite, bits .and; bits: of an element
};
static_assert(sizeof(Shape) == 8);
Shape shape(const Instr& in) { return __builtin_bit_cast(Shape, in.aux); }

struct Place {
  unsigned a, b, c, d, n_a, n_b, n_c, n_d;  // first flat operand and count of each matrix: order d, a, b, c, then the metadata
};
Place place(const Shape& s) {
  Place p{};
  p.n_a = (s.k_bytes >> s.sparse) * s.m / 128, p.n_b = s.k_bytes / 16;
  p.n_d = (s.m / 4) >> s.half_d, p.n_c = (s.m / 4) >> s.half_c;
  p.d = 0, p.a = p.n_d, p.b = p.a + p.n_a, p.c = p.b + p.n_b;
  return p;
}
SparseRows sparse_rows(Warp& w, const Instr& in, const Shape& s, const Place& p) {
  return sim::sparse_rows(w, in, w.op_any<uint32_t>(in, p.c + p.n_c), s.selector, s.bits, s.k_bytes * 8u / s.bits, s.ordered);
}

TensorCore core_of(const Shape& s) {
  return s.bits == 8 ? tensor_core_mma8(s.half_d)
                     : tensor_core(element_of(Type(s.kind_a)), element_of(Type(s.kind_b)), s.half_c, s.half_d);
}
template <unsigned PER, unsigned K, bool SPARSE>
void mma_float(Warp& w, const Instr& in) {
  const Shape s = shape(in);
  const Place p = place(s);
  constexpr unsigned regs_b = K / (4 * PER), regs_a = regs_b >> SPARSE;
  alignas(64) Lanes32 low[regs_a][PER], high[regs_a][PER], b[regs_b][PER], c[4], d[4];
  const Expand expand_a = expand_of(Type(s.kind_a)), expand_b = expand_of(Type(s.kind_b));
  for (unsigned r = 0; r < regs_a; ++r) {
    expand_a(w.op_any<uint32_t>(in, p.a + 2 * r), low[r]);
    expand_a(w.op_any<uint32_t>(in, p.a + 2 * r + 1), high[r]);
  }
  for (unsigned r = 0; r < regs_b; ++r) expand_b(w.op_any<uint32_t>(in, p.b + r), b[r]);
  read_tile(w, in, p.c, s.half_c, c);
  if constexpr (SPARSE) {
    const SparseRows rows = sparse_rows(w, in, s, p);
    SparseA<PER, K>(low, high, rows, core_of(s)).multiply(b, c, d);
  } else {
    multiply<PER, K>(low, high, b, c, d, core_of(s));
  }
  write_tile(w, in, p.d, s.half_d, d);
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
  SparseRows rows;
  if (s.sparse) rows = sparse_rows(w, in, s, p), std::memset(a, 0, sizeof a);
  for (unsigned i = 0; i < p.n_a; ++i) {
    const uint32_t* x = w.op_any<uint32_t>(in, p.a + i);
    const unsigned halves = s.m / 8, row = 8 * (i % halves), byte = 16 * (i / halves);
    for (unsigned l = 0; l < LANES; ++l)
      for (unsigned e = 0; e < per; ++e) {
        const unsigned m = row + l / 4, j = (byte + 4 * (l % 4)) * 8 / BITS + e;
        a[m][s.sparse ? rows.at[m][j] : j] = element<BITS>(x[l], e, s.kind_a);
      }
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
      out[r][l] = in_32_bits(int64_t(int32_t(w.op_any<uint32_t>(in, p.c + r)[l])) + dot, s.op);
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
template <bool SPARSE>
Handler float_handler(Type a, Type b, unsigned k) {
  const unsigned bits = std::max(ptx::bits_of(a), 8u);
  if (!expand_of(a) || !expand_of(b) || (bits > 8 && a != b)) return nullptr;
  if constexpr (SPARSE) {
    if (bits == 8) return k == 64 ? mma_float<4, 64, true> : nullptr;
    if (bits == 16) return k == 32 ? mma_float<2, 32, true> : k == 16 ? mma_float<2, 16, true> : nullptr;
    return k == 16 ? mma_float<1, 16, true> : k == 8 ? mma_float<1, 8, true> : nullptr;
  } else {
    if (bits == 8) return k == 32 ? mma_float<4, 32, false> : k == 16 ? mma_float<4, 16, false> : nullptr;
    if (bits == 16) return k == 16 ? mma_float<2, 16, false> : k == 8 ? mma_float<2, 8, false> : nullptr;
    return k == 8 ? mma_float<1, 8, false> : k == 4 ? mma_float<1, 4, false> : nullptr;
  }
}
Handler integer_handler(const Shape& s, unsigned k) {
  if (s.sparse && (s.m != 16 || s.bits == 1 || (k != 256u / s.bits && k != 512u / s.bits))) return nullptr;
  return s.bits == 8 ? mma_integer<8> : s.bits == 4 ? mma_integer<4> : s.bits == 1 ? mma_bits : nullptr;
}

Handler mma_f64(Form& f, unsigned m, unsigned k) {
  for (size_t i = 0; i < 4; ++i)
    if (f.type(i) != Type::f64) return nullptr;
  if ((k != 4 && m != 16) || f.operand.size() != m / 4 * 2 + m / 8 * (k / 4) + k / 4) return nullptr;
  Shape s{};
  s.m = uint8_t(m), s.k_bytes = uint8_t(k * 8);
  f.aux = __builtin_bit_cast(uint64_t, s);
  return mma_double;
}

// Types in the opcode: d, a, b, c. Behind the operands of these a sparse form has metadata and selector.
Handler mma(Form& f) {
  unsigned m, k;
  if (f.n_types() != 4 || !dims(f, m, k) || !f.has("row") || !f.has("col")) return nullptr;
  const Type d = f.type(0), a = f.type(1), b = f.type(2), c = f.type(3);
  Shape s{};
  s.ordered = f.has("sp::ordered_metadata"), s.sparse = s.ordered || f.has("sp");
  if (d == Type::f64) return s.sparse ? nullptr : mma_f64(f, m, k);
  const bool integer = d == Type::s32;
  // sub-byte floats come in 8-bit containers
  s.bits = uint8_t(integer ? ptx::bits_of(a) : std::max(ptx::bits_of(a), 8u));
  s.m = uint8_t(m), s.k_bytes = uint8_t(k * s.bits / 8);
  s.half_c = c == Type::f16, s.half_d = d == Type::f16;
  Handler h = nullptr;
  if (integer) {
    if (c != Type::s32 || ptx::bits_of(b) != s.bits) return nullptr;
    s.kind_a = ptx::is_signed(a), s.kind_b = ptx::is_signed(b);
    s.op = s.bits == 1 ? f.has("and") : f.has("satfinite");
    h = integer_handler(s, k);
  } else {
    if (m != 16 || (d != Type::f32 && d != Type::f16) || (c != Type::f32 && c != Type::f16)) return nullptr;
    if (s.sparse && s.bits == 8 && s.half_d) return nullptr;  // of sm_120a only
    s.kind_a = uint8_t(a), s.kind_b = uint8_t(b);
    h = s.sparse ? float_handler<true>(a, b, k) : float_handler<false>(a, b, k);
  }
  const Place p = place(s);
  if (!h || f.operand.size() != p.c + p.n_c + (s.sparse ? 2 : 0)) return nullptr;
  if (s.sparse) {
    const Flat& selector = f.operand.back();
    if (selector.kind != Flat::imm || selector.value >= sparse_selectors(s.bits, k)) return nullptr;
    s.selector = uint8_t(selector.value);
  }
  f.aux = __builtin_bit_cast(uint64_t, s);
  return h;
}

}  // namespace

void add_rows(Rows& rows) {
  constexpr Pattern MMA{4, 4, 1}, SPARSE{6, 6, 1};
  constexpr TypeSet fp = types({Type::f16, Type::bf16, Type::tf32, Type::f32, Type::e4m3, Type::e5m2,
                                Type::e2m3, Type::e3m2, Type::e2m1});
  constexpr TypeSet ints = types({Type::s32, Type::s8, Type::u8, Type::s4, Type::u4, Type::b1});
  constexpr const char *anchor = "#warp-level-matrix-instructions-mma", *sparse_anchor = "#warp-level-matrix-instructions-mma-sp";
  // clang-format off
  //        name                types     modifiers                   operands scope        select anchor
  rows.add({"mma.sync.aligned", fp,       "m16n8*|row|col|kind::f8f6f4", MMA, Scope::WARP, mma, anchor});
  rows.add({"mma.sync.aligned", ints,     "m16n8*|m8n8*|row|col|satfinite|xor|and|popc", MMA, Scope::WARP, mma, anchor});
  rows.add({"mma.sync.aligned", F64_ONLY, "m16n8*|m8n8*|row|col|rn",  MMA, Scope::WARP, mma, anchor});
  for (const char* name : {"mma.sp.sync.aligned", "mma.sp::ordered_metadata.sync.aligned"}) {
    rows.add({name,             fp,       "m16n8*|row|col|kind::f8f6f4", SPARSE, Scope::WARP, mma, sparse_anchor});
    rows.add({name,             ints,     "m16n8*|row|col|satfinite", SPARSE, Scope::WARP, mma, sparse_anchor});
  }
  // clang-format on
}

}  // namespace sim::mma_chapter
