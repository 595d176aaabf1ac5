// PTX ISA 9.7.14 wmma: load, store and multiply of whole matrices. Where an element lies in a fragment is not specified;
// here element i, counted along the rows, lies in lane i % 32, as number i / 32 of what the lane holds. The products are
// those of mma.sync, in tiles of 16 by 8.
#include "../machine/access.h"
#include "arith.h"
#include "chapters.h"
#include "mma_fragment.h"
#include "select.h"

namespace sim::wmma_chapter {
namespace {

unsigned per_register(unsigned bits) { return bits == 64 ? 1 : 32 / bits; }

// A fragment that lies in memory, unpacked from Instr::aux.
struct Matrix {
  uint8_t rows, columns, bits, registers, space, by_column : 1, wide : 1, strided : 1, pad[2];
};
static_assert(sizeof(Matrix) == 8);
Matrix matrix(const Instr& in) { return __builtin_bit_cast(Matrix, in.aux); }

// access(element, lane, address of its first byte, its first bit there)
template <class F>
void each_element(Warp& w, const Instr& in, const Matrix& m, unsigned address, unsigned stride, F access) {
  if (w.exec != ALL) trap(w, in, "wmma expects all lanes of the warp");
  uint64_t at[LANES];
  addresses(w, in, address, 0, m.wide, at);
  const uint32_t* ld = m.strided ? w.op_any<uint32_t>(in, stride) : nullptr;
  for (unsigned i = 0; i < unsigned(m.rows) * m.columns; ++i) {
    const unsigned lane = i % LANES, r = i / m.columns, c = i % m.columns;
    const uint64_t pitch = ld ? ld[lane] : m.by_column ? m.rows : m.columns, bit = (m.by_column ? c * pitch + r : r * pitch + c) * m.bits;
    access(i, lane, at[lane] + bit / 8, unsigned(bit % 8));
  }
}
void load_matrix(Warp& w, const Instr& in) {
  const Matrix m = matrix(in);
  const unsigned per = per_register(m.bits);
  uint64_t out[8][LANES] = {};
  each_element(w, in, m, m.registers, m.registers + 1u, [&](unsigned i, unsigned lane, uint64_t at, unsigned bit) {
    uint64_t v = 0;
    load(w, in, lane, Space(m.space), at, std::max(m.bits / 8u, 1u), &v);
    if (m.bits < 8) v = v >> bit & ((1u << m.bits) - 1);
    out[i / LANES / per][lane] |= v << i / LANES % per * m.bits;
  });
  for (unsigned k = 0; k < m.registers; ++k)
    if (m.bits == 64)
      std::memcpy(w.op_any<uint64_t>(in, k), out[k], sizeof out[k]);
    else
      SIM_EACH_LANE(l) w.op_any<uint32_t>(in, k)[l] = uint32_t(out[k][l]);
}
// Element i of a fragment whose first register is flat operand `first`.
uint64_t element(Warp& w, const Instr& in, unsigned first, unsigned bits, unsigned i) {
  if (bits == 64) return w.op_any<uint64_t>(in, first + i / LANES)[i % LANES];
  const unsigned per = per_register(bits), k = i / LANES;
  return w.op_any<uint32_t>(in, first + k / per)[i % LANES] >> k % per * bits & (~uint64_t(0) >> (64 - bits));
}
void store_matrix(Warp& w, const Instr& in) {
  const Matrix m = matrix(in);
  each_element(w, in, m, 0, m.registers + 1u, [&](unsigned i, unsigned lane, uint64_t at, unsigned) {
    const uint64_t v = element(w, in, 1, m.bits, i);
    store(w, in, lane, Space(m.space), at, m.bits / 8, &v);
  });
}

// Unpacked from Instr::aux. Operands: d, a, b, c.
struct Shape {
  uint8_t m, n, k, type;                                               // ptx::Type of A; B has it too but for the sign
  uint8_t half_c : 1, half_d : 1, signed_a : 1, signed_b : 1, op : 1;  // op: .satfinite, of bits .and
  uint8_t n_d, n_a, n_b;
  unsigned a() const { return n_d; }
  unsigned b() const { return n_d + n_a; }
  unsigned c() const { return n_d + n_a + n_b; }
};
static_assert(sizeof(Shape) == 8);
Shape shape(const Instr& in) { return __builtin_bit_cast(Shape, in.aux); }

float as_float(Type t, uint64_t v) {
  return t == Type::f16 ? f16_to_f32(uint32_t(v))
                        : f32(t == Type::bf16   ? uint32_t(v) << 16
                              : t == Type::tf32 ? uint32_t(v) & 0xffffe000u
                                                : uint32_t(v));
}
// D's registers are written once all of C is read: they may be the same.
template <class T, class F>
void write_all(Warp& w, const Instr& in, const Shape& p, F value) {
  T out[8][LANES] = {};
  const unsigned per = p.half_d ? 2 : 1;
  for (unsigned i = 0; i < unsigned(p.m) * p.n; ++i)
    out[i / LANES / per][i % LANES] |= T(value(i / p.n, i % p.n)) << (i / LANES % per * 16);
  for (unsigned r = 0; r < p.n_d; ++r) std::memcpy(w.op_any<T>(in, r), out[r], sizeof out[r]);
}
// K at a time, in order: of tf32 sm_90's compiler makes two m16n8k4, of the others one m16n8k16.
template <unsigned PER, unsigned K>
void floats(Warp& w, const Instr& in) {
  const Shape p = shape(in);
  const Type type = Type(p.type);
  constexpr unsigned regs = K / (4 * PER), BITS = 32 / PER;
  // with an f32 C the product is f32 too, and is rounded to an f16 D afterwards
  const TensorCore core = tensor_core(element_of(type), element_of(type), p.half_c, p.half_d && p.half_c);
  auto lane = [](auto& fragment, unsigned k, unsigned g) -> float& { return fragment[k / (4 * PER)][k % PER][4 * g + k / PER % 4]; };
  auto of_a = [&](unsigned row, unsigned k) { return row < p.m ? as_float(type, element(w, in, p.a(), BITS, row * p.k + k)) : 0; };
  auto of_c = [&](unsigned row, unsigned column) {
    return as_float(p.half_c ? Type::f16 : Type::f32, element(w, in, p.c(), p.half_c ? 16 : 32, row * p.n + column));
  };
  static thread_local float result[32][32];
  for (unsigned m = 0; m < p.m; m += 16)
    for (unsigned n = 0; n < p.n; n += 8) {
      alignas(64) Lanes32 low[regs][PER], high[regs][PER], b[regs][PER], c[4], d[4];
      auto each = [&](auto f) {
        for (unsigned r = 0; r < 4; ++r)
          for (unsigned l = 0; l < LANES; ++l) f(r, l, m + l / 4 + 8 * (r / 2), n + 2 * (l % 4) + r % 2);
      };
      each([&](unsigned r, unsigned l, unsigned row, unsigned column) { d[r][l] = row < p.m ? of_c(row, column) : 0; });
      for (unsigned from = 0; from < p.k; from += K) {
        for (unsigned g = 0; g < 8; ++g)
          for (unsigned k = 0; k < K; ++k) {
            lane(low, k, g) = of_a(m + g, from + k), lane(high, k, g) = of_a(m + g + 8, from + k);
            lane(b, k, g) = as_float(type, element(w, in, p.b(), BITS, (from + k) * p.n + n + g));
          }
        std::memcpy(c, d, sizeof c);
        multiply<PER, K>(low, high, b, c, d, core);
      }
      each([&](unsigned r, unsigned l, unsigned row, unsigned column) {
        if (row < p.m) result[row][column] = d[r][l];
      });
    }
  write_all<uint32_t>(w, in, p,
                      [&](unsigned r, unsigned c) { return p.half_d ? f32_to_f16_rn(bits(result[r][c])) : canonical(result[r][c]); });
}
void integers(Warp& w, const Instr& in) {
  const Shape p = shape(in);
  const unsigned bits = ptx::bits_of(Type(p.type));
  auto number = [&](unsigned first, unsigned i, bool is_signed) {
    const uint32_t v = uint32_t(element(w, in, first, bits, i));
    return is_signed ? int32_t(v << (32 - bits)) >> (32 - bits) : int32_t(v);
  };
  write_all<uint32_t>(w, in, p, [&](unsigned r, unsigned c) {
    int64_t sum = int32_t(element(w, in, p.c(), 32, r * p.n + c));
    for (unsigned k = 0; k < p.k; ++k) {
      const int32_t x = number(p.a(), r * p.k + k, p.signed_a), y = number(p.b(), k * p.n + c, p.signed_b);
      sum += bits > 1 ? x * y : p.op ? x & y : x ^ y;
    }
    return in_32_bits(sum, bits > 1 && p.op);
  });
}
void doubles(Warp& w, const Instr& in) {
  const Shape p = shape(in);
  write_all<uint64_t>(w, in, p, [&](unsigned r, unsigned c) {
    double sum = f64(element(w, in, p.c(), 64, r * p.n + c));
    for (unsigned k = 0; k < p.k; ++k)
      sum = fma64(f64(element(w, in, p.a(), 64, r * p.k + k)), f64(element(w, in, p.b(), 64, k * p.n + c)), sum);
    return bits(sum);
  });
}

// m16n16k16 and what types have it.
bool dims(const Form& f, Type a, uint8_t& m, uint8_t& n, uint8_t& k) {
  for (const std::string& t : f.op.tokens)
    if (unsigned x, y, z; std::sscanf(t.c_str(), "m%un%uk%u", &x, &y, &z) == 3) {
      m = uint8_t(x), n = uint8_t(y), k = uint8_t(z);
      const unsigned bits = ptx::bits_of(a);
      if (bits == 64) return t == "m8n8k4";
      if (bits == 32) return t == "m16n16k8";
      if (bits < 8) return x == 8 && y == 8 && z == 128 / bits;
      return z == 16 && ((x == 16 && y == 16) || (x == 8 && y == 32) || (x == 32 && y == 8));
    }
  return false;
}
// Registers of a fragment: as many as its bits need, of A and B of f16 always eight.
uint8_t registers(Type t, unsigned elements, bool factor) {
  const unsigned bits = ptx::bits_of(t);
  return uint8_t(t == Type::f16 && factor ? 8 : elements / LANES / per_register(bits));
}
// C and D have the shapes of the factors whose product they can be.
bool result_dims(const Form& f, Type t, uint8_t& m, uint8_t& n, uint8_t& k) {
  struct Product {
    Type factor;
    TypeSet results;
  };
  for (const Product& p :
       {Product{Type::f16, types({Type::f16, Type::f32, Type::s32})}, Product{Type::tf32, types({Type::f32})},
        Product{Type::f64, types({Type::f64})}, Product{Type::s4, types({Type::s32})}, Product{Type::b1, types({Type::s32})}})
    if (dims(f, p.factor, m, n, k)) return p.results >> unsigned(t) & 1;
  return false;
}
template <char WHICH>
Handler transfer(Form& f) {
  constexpr bool store = WHICH == 'd', result = store || WHICH == 'c';
  const Type t = f.n_types() ? f.type() : Type::pred;
  if (f.n_types() != 1 || f.has("row") == f.has("col")) return nullptr;
  Matrix s{};
  uint8_t m, n, k;
  if (!(result ? result_dims(f, t, m, n, k) : dims(f, t, m, n, k))) return nullptr;
  s.rows = WHICH == 'b' ? k : m, s.columns = WHICH == 'a' ? k : n, s.bits = uint8_t(ptx::bits_of(t));
  if (s.bits < 8 && f.has("row") != (WHICH == 'a')) return nullptr;
  s.by_column = f.has("col"), s.space = uint8_t(space_of(f.op)), s.registers = registers(t, s.rows * s.columns, !result);
  const size_t strided = f.text.operands.size() == 3;
  if (f.operand.size() != s.registers + 1u + strided) return nullptr;
  s.strided = strided, s.wide = f.operand.at(store ? 0 : s.registers).bits == 64;
  if (strided) fix_width(f, f.operand.size() - 1, 32);
  f.aux = __builtin_bit_cast(uint64_t, s);
  return store ? store_matrix : load_matrix;
}
// Types in the opcode: d, a, b, c; of f16 only d and c.
Handler mma(Form& f) {
  const size_t n_types = f.n_types();
  if (n_types != 2 && n_types != 4) return nullptr;
  const Type d = f.type(0), c = f.type(n_types - 1), a = n_types == 4 ? f.type(1) : Type::f16, b = n_types == 4 ? f.type(2) : a;
  Shape p{};
  if (!dims(f, a, p.m, p.n, p.k) || ptx::bits_of(a) != ptx::bits_of(b)) return nullptr;
  p.type = uint8_t(a), p.signed_a = ptx::is_signed(a), p.signed_b = ptx::is_signed(b), p.half_c = c == Type::f16, p.half_d = d == Type::f16;
  p.op = f.has(a == Type::b1 ? "and" : "satfinite");
  p.n_d = registers(d, p.m * p.n, false), p.n_a = registers(a, p.m * p.k, true), p.n_b = registers(b, p.k * p.n, true);
  if (f.operand.size() != p.c() + registers(c, p.m * p.n, false)) return nullptr;
  f.aux = __builtin_bit_cast(uint64_t, p);
  const bool integer = d == Type::s32 && c == d;
  switch (a) {
    case Type::f16:
      return n_types == 2 && !p.op && (p.half_d || d == Type::f32) && (p.half_c || c == Type::f32) ? floats<2, 16> : nullptr;
    case Type::bf16:
      return b == a && d == Type::f32 && c == d ? floats<2, 16> : nullptr;
    case Type::tf32:
      return b == a && d == Type::f32 && c == d ? floats<1, 4> : nullptr;
    case Type::f64:
      return b == a && d == a && c == a ? doubles : nullptr;
    default:
      return integer ? integers : nullptr;
  }
}

}  // namespace

#define PTX(name) "#warp-level-matrix-instructions-wmma-" name
void add_rows(Rows& rows) {
  constexpr Pattern LOAD{2, 3}, STORE{2, 3, 0}, MMA{4, 4};
  constexpr const char* MEMORY = "row|col|m*|global|shared|shared::cta";
  constexpr TypeSet FACTORS = types({Type::f16, Type::bf16, Type::tf32, Type::f64, Type::s8, Type::u8, Type::s4, Type::u4, Type::b1}),
                    RESULTS = types({Type::f16, Type::f32, Type::f64, Type::s32});
  // clang-format off
  //        name                         types              modifiers operands scope        select          anchor
  rows.add({"wmma.load.a.sync.aligned",  FACTORS,           MEMORY,   LOAD,  Scope::WARP, transfer<'a'>,  PTX("ld")});
  rows.add({"wmma.load.b.sync.aligned",  FACTORS,           MEMORY,   LOAD,  Scope::WARP, transfer<'b'>,  PTX("ld")});
  rows.add({"wmma.load.c.sync.aligned",  RESULTS,           MEMORY,   LOAD,  Scope::WARP, transfer<'c'>,  PTX("ld")});
  rows.add({"wmma.store.d.sync.aligned", RESULTS,           MEMORY,   STORE, Scope::WARP, transfer<'d'>,  PTX("st")});
  rows.add({"wmma.mma",                  FACTORS | RESULTS, "sync|aligned|row|col|m*|rn|satfinite|xor|and|popc", MMA, Scope::WARP, mma, PTX("mma")});
  // clang-format on
}
#undef PTX

}  // namespace sim::wmma_chapter
