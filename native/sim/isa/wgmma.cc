// PTX ISA 9.7.15.7 Asynchronous warpgroup-level matrix multiply-accumulate (sm_90a).
//
// D[64][N] (+)= A[64][K] * B[K][N]; a row of A and a column of B have 32 bytes of K; of a sparse product the row's stored
// half has them, and the column 64. Warp w of the warpgroup has rows 16 (w % 4) .. + 15, so each warp does its part alone.
// Fragments of one warp (#wgmma-64n16-d and its neighbours), lane l = 4g + t:
//   D  element i: row g + 8 (i / 2 % 2), column 8 (i / 4) + 2 t + i % 2; f16 has two elements a register
//   A  register i: row g + 8 (i % 2), bytes 4 t + 16 (i / 2) .. + 3
// so D is N / 8 tiles of mma.sync, and its arithmetic is numerics/mma_tile.h's.
//
// The product is carried out when it is issued. Its reads of shared memory are the async proxy's, and last until the
// warp has waited for its group, as does its work on registers: Order and machine/hazard.h hold both against the kernel.
#include "../machine/cluster.h"
#include "../machine/windows.h"
#include "../numerics/smem_matrix.h"
#include "chapters.h"
#include "mma_fragment.h"
#include "mma_sparse.h"
#include "select.h"
#include "wgmma_groups.h"

namespace sim {

namespace {

constexpr unsigned ROWS = 16, K_BYTES = 32, TILE = 8;

// Unpacked from Instr::aux. Flat operands: D, A (registers or descriptor), B's descriptor, of a sparse product metadata and
// selector, scale-d, then constants.
struct Shape {
  uint8_t tiles, kind_a, kind_b;  // kinds: ptx::Type
  uint8_t a_registers : 1, half_d : 1, negate : 1, trans_a : 1, trans_b : 1, satfinite : 1, sparse : 1;
  uint8_t n_d, selector, rest[2];
  unsigned b() const { return n_d + (a_registers ? 4 : 1); }
  unsigned scale_d() const { return b() + (sparse ? 3 : 1); }
};
static_assert(sizeof(Shape) == 8);
Shape shape(const Instr& in) { return __builtin_bit_cast(Shape, in.aux); }

uint64_t uniform(Warp& w, const Instr& in, unsigned k, const char* what) {
  const uint64_t* v = w.op_any<uint64_t>(in, k);
  for (unsigned l = 1; l < LANES; ++l)
    if (v[l] != v[0])
      trap(w, in, l, std::string("the lanes of a warp give different descriptors of ") + what);
  return v[0];
}

// K along the row, 32 or 64 bytes of it.
using Row = uint8_t[2 * K_BYTES];
struct Gathered {
  unsigned first, rows, k_bytes;
  bool trans;
  const char* what;
};
void gather(Warp& w, const Instr& in, unsigned operand, const Gathered& g, Event done, Row* out) {
  const SmemMatrix m = SmemMatrix::of(uniform(w, in, operand, g.what));
  Order& order = w.cta->cluster->order;
  auto read = [&](uint32_t at, unsigned bytes) {
    if (order.on()) order.async_read(w, in, 0, *w.cta, at, bytes, done);
    return resolve(w, in, 0, Space::shared, w.cta->shared_base() + at, bytes, bytes, Access::read, Proxy::async);
  };
  if (!g.trans) {
    for (unsigned r = 0; r < g.rows; ++r)
      for (unsigned k = 0; k < g.k_bytes; k += 16) std::memcpy(out[r] + k, read(m.k_major(g.first + r, k), 16), 16);
    return;
  }
  for (unsigned k = 0; k < g.k_bytes / 2; ++k)
    for (unsigned r = 0; r < g.rows; r += 8) {  // eight elements of 16 bits are neighbours in every layout
      const uint8_t* from = read(m.mn_major(g.first + r, k), 16);
      for (unsigned i = 0; i < 8; ++i) std::memcpy(out[r + i] + 2 * k, from + 2 * i, 2);
    }
}
// Register `i` of A's fragment from its 16 rows, of B's from the eight of a tile.
void a_fragment(const Row* rows, unsigned i, uint32_t* out) {
  for (unsigned l = 0; l < LANES; ++l)
    std::memcpy(out + l, rows[l / 4 + 8 * (i % 2)] + 4 * (l % 4) + 16 * (i / 2), 4);
}
void b_fragment(const Row* rows, unsigned i, uint32_t* out) {
  for (unsigned l = 0; l < LANES; ++l) std::memcpy(out + l, rows[l / 4] + 4 * (l % 4) + 16 * i, 4);
}

struct Operands {
  uint32_t a[4][LANES];
  Row b[256];
  SparseRows sparse;
  bool accumulate;
};
void fetch(Warp& w, const Instr& in, const Shape& s, Operands& o) {
  if (w.exec != ALL) trap(w, in, "wgmma.mma_async expects all lanes of the warp");
  Order& order = w.cta->cluster->order;
  WgmmaGroups& g = WgmmaGroups::of(w);
  g.last = order.on() ? order.next_tensor(w) : Event{};
  if (order.on()) late_registers(w, in, g.waited_for + g.committed.size() + 1);
  if (s.a_registers) {
    for (unsigned i = 0; i < 4; ++i) std::memcpy(o.a[i], w.op_any<uint32_t>(in, s.n_d + i), sizeof o.a[i]);
  } else {
    Row rows[ROWS];
    gather(w, in, s.n_d, {ROWS * (w.index % 4), ROWS, K_BYTES, bool(s.trans_a), "A"}, g.last, rows);
    for (unsigned i = 0; i < 4; ++i) a_fragment(rows, i, o.a[i]);
  }
  gather(w, in, s.b(), {0, s.tiles * TILE, K_BYTES << s.sparse, bool(s.trans_b), "B"}, g.last, o.b);
  if (s.sparse) {
    const unsigned bits = ptx::bits_of(Type(s.kind_a));
    o.sparse = sparse_rows(w, in, w.op_any<uint32_t>(in, s.b() + 1), s.selector, bits, 2 * K_BYTES * 8 / bits, true);
  }
  const uint32_t p = *w.slot<uint32_t>(in.more[s.scale_d()]);
  if (p != 0 && p != ALL) trap(w, in, "the lanes of a warp give different scale-d");
  o.accumulate = p != 0;
}

template <unsigned PER, bool SPARSE>
void floats(Warp& w, const Instr& in) {
  const Shape s = shape(in);
  static thread_local Operands o;
  fetch(w, in, s, o);
  constexpr unsigned K = 8 * PER << SPARSE, regs_b = 2 << SPARSE;
  alignas(64) Lanes32 low[2][PER], high[2][PER], b[regs_b][PER], c[4], d[4];
  const Expand expand_a = expand_of(Type(s.kind_a)), expand_b = expand_of(Type(s.kind_b));
  const Element ea = element_of(Type(s.kind_a)), eb = element_of(Type(s.kind_b));
  const TensorCore core = PER == 4 ? tensor_core_wgmma8(ea, eb, s.half_d) : tensor_core(ea, eb, s.half_d, s.half_d);
  for (unsigned r = 0; r < 2; ++r) expand_a(o.a[2 * r], low[r]), expand_a(o.a[2 * r + 1], high[r]);
  if (s.negate)
    for (auto* rows : {low, high})
      for (unsigned r = 0; r < 2; ++r)
        for (unsigned e = 0; e < PER; ++e) SIM_EACH_LANE(l) rows[r][e][l] = -rows[r][e][l];
  auto tiles = [&](auto product) {
    for (unsigned tile = 0; tile < s.tiles; ++tile) {
      uint32_t word[LANES];
      for (unsigned r = 0; r < regs_b; ++r) b_fragment(o.b + tile * TILE, r, word), expand_b(word, b[r]);
      const unsigned first = (s.half_d ? 2 : 4) * tile;
      if (o.accumulate)
        read_tile(w, in, first, s.half_d, c);
      else
        std::memset(c, 0, sizeof c);
      product();
      write_tile(w, in, first, s.half_d, d);
    }
  };
  if constexpr (SPARSE) {
    const SparseA<PER, K> a(low, high, o.sparse, core);
    tiles([&] { a.multiply(b, c, d); });
  } else {
    tiles([&] { multiply<PER, K>(low, high, b, c, d, core); });
  }
}

// Bytes and single bits: exact, wrapping at 32 bits or clamped.
template <class DOT>
void integers(Warp& w, const Instr& in, DOT dot) {
  const Shape s = shape(in);
  static thread_local Operands o;
  fetch(w, in, s, o);
  Row a[ROWS] = {};
  for (unsigned i = 0; i < 4; ++i)
    for (unsigned l = 0; l < LANES; ++l)
      for (unsigned e = 0; e < 4; ++e) {
        const unsigned row = l / 4 + 8 * (i % 2), k = 4 * (l % 4) + 16 * (i / 2) + e;
        a[row][s.sparse ? o.sparse.at[row][k] : k] = uint8_t(o.a[i][l] >> 8 * e);
      }
  for (unsigned i = 0; i < 4u * s.tiles; ++i) {
    uint32_t* d = w.op_any<uint32_t>(in, i);
    for (unsigned l = 0; l < LANES; ++l) {
      const unsigned row = l / 4 + 8 * (i / 2 % 2), column = 8 * (i / 4) + 2 * (l % 4) + i % 2;
      d[l] = in_32_bits(int64_t(dot(s, a[row], o.b[column])) + (o.accumulate ? int32_t(d[l]) : 0), s.satfinite);
    }
  }
}
void bytes(Warp& w, const Instr& in) {
  integers(w, in, [](const Shape& s, const uint8_t* a, const uint8_t* b) {
    int32_t sum = 0;
    for (unsigned k = 0; k < K_BYTES << s.sparse; ++k)
      sum += (Type(s.kind_a) == Type::s8 ? int8_t(a[k]) : a[k]) * (Type(s.kind_b) == Type::s8 ? int8_t(b[k]) : b[k]);
    return sum;
  });
}
void single_bits(Warp& w, const Instr& in) {
  integers(w, in, [](const Shape&, const uint8_t* a, const uint8_t* b) {
    int32_t sum = 0;
    for (unsigned k = 0; k < K_BYTES; ++k) sum += __builtin_popcount(a[k] & b[k]);
    return sum;
  });
}

// m64n8k16 -> 8, 16; false for what the ISA does not have.
bool dims(const Form& f, unsigned& n, unsigned& k) {
  for (const std::string& t : f.op.tokens)
    if (unsigned m = 0; std::sscanf(t.c_str(), "m%un%uk%u", &m, &n, &k) == 3)
      return m == 64 && n % 8 == 0 && n >= 8 && n <= 256;
  return false;
}
template <bool SPARSE>
Handler handler_of(Type a, Type b, unsigned n, unsigned k) {
  const bool small = n <= 32 || n % 16 == 0;  // integers have fewer N
  if (k != (K_BYTES << SPARSE) * 8 / ptx::bits_of(a)) return nullptr;
  switch (a) {
    case Type::f16:
    case Type::bf16:
      return a == b ? floats<2, SPARSE> : nullptr;
    case Type::tf32:
      return a == b ? floats<1, SPARSE> : nullptr;
    case Type::e4m3:
    case Type::e5m2:
      return b == Type::e4m3 || b == Type::e5m2 ? floats<4, SPARSE> : nullptr;
    case Type::s8:
    case Type::u8:
      return (b == Type::s8 || b == Type::u8) && small ? bytes : nullptr;
    case Type::b1:
      return a == b && small && !SPARSE ? single_bits : nullptr;
    default:
      return nullptr;
  }
}
// An immediate of the text, or one of two values; false when it is neither.
bool one_of(const Form& f, size_t k, int64_t off, int64_t on, uint8_t& is_on) {
  const Flat& o = f.operand.at(k);
  const int64_t v = int64_t(f.text.operands.at(o.written).value);
  if (o.kind != Flat::imm || (v != off && v != on)) return false;
  is_on = v == on;
  return true;
}

Handler mma_async(Form& f) {
  unsigned n, k;
  if (f.n_types() != 3 || !dims(f, n, k)) return nullptr;
  const Type d = f.type(0), a = f.type(1), b = f.type(2);
  const bool integer = d == Type::s32, half = d == Type::f16, sixteen = a == Type::f16 || a == Type::bf16;
  const bool sparse = f.has("sp");
  Handler h = sparse ? handler_of<true>(a, b, n, k) : handler_of<false>(a, b, n, k);
  if (!h || (half && (a == Type::bf16 || a == Type::tf32))) return nullptr;
  if (integer != (a == Type::s8 || a == Type::u8 || a == Type::b1) || (a == Type::b1) != f.has("and")) return nullptr;
  if (!integer && !half && d != Type::f32) return nullptr;
  Shape s{};
  s.tiles = uint8_t(n / TILE), s.kind_a = uint8_t(a), s.kind_b = uint8_t(b);
  s.half_d = half, s.satfinite = f.has("satfinite"), s.n_d = uint8_t(n / (half ? 4 : 2));
  s.a_registers = f.text.operands.at(1).kind == ptx::Operand::vector, s.sparse = sparse;
  const size_t scale = s.scale_d();
  const size_t transposes = !sixteen ? 0 : s.a_registers ? 1 : 2;
  if (f.operand.size() != scale + 1 + (integer ? 0 : 2 + transposes)) return nullptr;
  if (f.text.operands.at(0).parts.size() != s.n_d || f.operand.at(scale).kind != Flat::pred) return nullptr;
  if (sparse) {
    const Flat& selector = f.operand.at(scale - 1);
    if (selector.kind != Flat::imm || selector.value >= sparse_selectors(ptx::bits_of(a), k)) return nullptr;
    s.selector = uint8_t(selector.value);
  }
  if (!integer) {
    uint8_t minus_a, minus_b, on = 0;
    if (!one_of(f, scale + 1, 1, -1, minus_a) || !one_of(f, scale + 2, 1, -1, minus_b)) return nullptr;
    s.negate = minus_a != minus_b;
    if (transposes == 2) {
      if (!one_of(f, scale + 3, 0, 1, on)) return nullptr;
      s.trans_a = on;
    }
    if (transposes) {
      if (!one_of(f, scale + 2 + transposes, 0, 1, on)) return nullptr;
      s.trans_b = on;
    }
  }
  f.aux = __builtin_bit_cast(uint64_t, s);
  return h;
}

}  // namespace

#define PTX(name) "#asynchronous-warpgroup-level-matrix-instructions-wgmma-" name
void wgmma_rows(Rows& rows) {
  constexpr Scope G = Scope::WARPGROUP;
  constexpr Pattern MMA{4, 8, 1, -1, true}, SPARSE{6, 10, 1, -1, true};
  constexpr TypeSet fp = types({Type::f16, Type::bf16, Type::tf32, Type::f32, Type::e4m3, Type::e5m2}),
                    ints = types({Type::s32, Type::s8, Type::u8, Type::b1});
  // clang-format off
  //        name                               types    modifiers             operands scope select           anchor
  rows.add({"wgmma.mma_async.sync.aligned",    fp,      "m64n*",              MMA,     G, mma_async,       PTX("mma-async")});
  rows.add({"wgmma.mma_async.sync.aligned",    ints,    "m64n*|satfinite|and|popc", MMA, G, mma_async,     PTX("mma-async")});
  rows.add({"wgmma.mma_async.sp.sync.aligned", fp,      "m64n*",              SPARSE,  G, mma_async,       PTX("mma-async-sp")});
  rows.add({"wgmma.mma_async.sp.sync.aligned", ints,    "m64n*|satfinite",    SPARSE,  G, mma_async,       PTX("mma-async-sp")});
  // clang-format on
}

}  // namespace sim
