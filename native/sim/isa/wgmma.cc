// PTX ISA 9.7.15.7 Asynchronous warpgroup-level matrix multiply-accumulate (sm_90a).
//
// D[64][N] (+)= A[64][K] * B[K][N]; a row of A and a column of B have 32 bytes of K. Warp w of the warpgroup has
// rows 16 (w % 4) .. + 15, so each warp does its part alone. Fragments of one warp (#wgmma-64n16-d and its
// neighbours), lane l = 4g + t:
//   D  element i: row g + 8 (i / 2 % 2), column 8 (i / 4) + 2 t + i % 2; f16 has two elements a register
//   A  register i: row g + 8 (i % 2), bytes 4 t + 16 (i / 2) .. + 3
// so D is N / 8 tiles of mma.sync, and its arithmetic is numerics/mma_tile.h's.
//
// The product is carried out when it is issued. Its reads of shared memory are the async proxy's, and last until the
// warp has waited for its group, as does its work on registers: Order and machine/hazard.h hold both against the kernel.
#include <deque>

#include "../machine/cluster.h"
#include "../machine/windows.h"
#include "../numerics/mma_tile.h"
#include "../numerics/smem_matrix.h"
#include "chapters.h"
#include "select.h"

namespace sim {

struct WgmmaGroups {
  Event last;                   // of the tensor core
  std::deque<Event> committed;  // one a group that nobody has waited for
  uint64_t waited_for = 0;      // groups
};

namespace {

constexpr unsigned ROWS = 16, K_BYTES = 32, TILE = 8;

WgmmaGroups& groups_of(Warp& w) {
  if (!w.wgmma) w.wgmma = std::make_shared<WgmmaGroups>();
  return *w.wgmma;
}

// Unpacked from Instr::aux. Flat operands: D, A (registers or descriptor), B's descriptor, scale-d, then constants.
struct Shape {
  uint8_t tiles, kind_a, kind_b;  // kinds: ptx::Type
  uint8_t a_registers : 1, half_d : 1, negate : 1, trans_a : 1, trans_b : 1, satfinite : 1, scaled : 1, pad : 1;
  uint8_t n_d, rest[3];
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

// Rows of 32 bytes, K along the row.
using Row32 = uint8_t[K_BYTES];
void gather(Warp& w, const Instr& in, uint64_t descriptor, bool trans, unsigned first, unsigned rows, Event done,
            const char* what, Row32* out) {
  const SmemMatrix m = SmemMatrix::of(descriptor);
  Order& order = w.cta->cluster->order;
  auto read = [&](uint32_t at, unsigned bytes) {
    if (order.on()) order.async_read(w, in, 0, *w.cta, at, bytes, done);
    return resolve(w, in, 0, Space::shared, w.cta->shared_base() + at, bytes, bytes, Access::read, Proxy::async);
  };
  for (unsigned r = 0; r < rows; ++r)
    if (!trans)
      for (unsigned k = 0; k < K_BYTES; k += 16) std::memcpy(out[r] + k, read(m.k_major(first + r, k), 16), 16);
  if (!trans) return;
  for (unsigned k = 0; k < K_BYTES / 2; ++k)
    for (unsigned r = 0; r < rows; r += 8) {  // eight elements of 16 bits are neighbours in every layout
      const uint8_t* from = read(m.mn_major(first + r, k), 16);
      for (unsigned i = 0; i < 8; ++i) std::memcpy(out[r + i] + 2 * k, from + 2 * i, 2);
    }
}
// Register `i` of A's fragment from its 16 rows, of B's from the eight of a tile.
void a_fragment(const Row32* rows, unsigned i, uint32_t* out) {
  for (unsigned l = 0; l < LANES; ++l)
    std::memcpy(out + l, rows[l / 4 + 8 * (i % 2)] + 4 * (l % 4) + 16 * (i / 2), 4);
}
void b_fragment(const Row32* rows, unsigned i, uint32_t* out) {
  for (unsigned l = 0; l < LANES; ++l) std::memcpy(out + l, rows[l / 4] + 4 * (l % 4) + 16 * i, 4);
}

struct Operands {
  uint32_t a[4][LANES];
  Row32 b[256];
  bool accumulate;
};
void fetch(Warp& w, const Instr& in, const Shape& s, Operands& o) {
  if (w.exec != ALL) trap(w, in, "wgmma.mma_async expects all lanes of the warp");
  Order& order = w.cta->cluster->order;
  WgmmaGroups& g = groups_of(w);
  g.last = order.on() ? order.next_tensor(w) : Event{};
  if (order.on()) late_registers(w, in, g.waited_for + g.committed.size() + 1);
  const unsigned a = s.n_d, b = a + (s.a_registers ? 4 : 1);
  if (s.a_registers) {
    for (unsigned i = 0; i < 4; ++i) std::memcpy(o.a[i], w.op_any<uint32_t>(in, a + i), sizeof o.a[i]);
  } else {
    Row32 rows[ROWS];
    gather(w, in, uniform(w, in, a, "A"), s.trans_a, ROWS * (w.index % 4), ROWS, g.last, "A", rows);
    for (unsigned i = 0; i < 4; ++i) a_fragment(rows, i, o.a[i]);
  }
  gather(w, in, uniform(w, in, b, "B"), s.trans_b, 0, s.tiles * TILE, g.last, "B", o.b);
  const uint32_t p = *w.slot<uint32_t>(in.more[b + 1]);
  if (p != 0 && p != ALL) trap(w, in, "the lanes of a warp give different scale-d");
  o.accumulate = p != 0;
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
    default:
      return nullptr;
  }
}
Element element_of(Type t) {
  switch (t) {
    case Type::f16:
      return Element::f16;
    case Type::bf16:
      return Element::bf16;
    case Type::e4m3:
      return Element::e4m3;
    case Type::e5m2:
      return Element::e5m2;
    default:
      return Element::tf32;
  }
}
template <unsigned PER>
void floats(Warp& w, const Instr& in) {
  const Shape s = shape(in);
  static thread_local Operands o;
  fetch(w, in, s, o);
  constexpr unsigned K = 8 * PER;
  alignas(64) Lanes32 low[2][PER], high[2][PER], b[2][PER], c[4], d[4];
  const Expand expand_a = expand_of(Type(s.kind_a)), expand_b = expand_of(Type(s.kind_b));
  const Element ea = element_of(Type(s.kind_a)), eb = element_of(Type(s.kind_b));
  const TensorCore core = PER == 4 ? tensor_core_wgmma8(ea, eb, s.half_d) : tensor_core(ea, eb, s.half_d, s.half_d);
  for (unsigned r = 0; r < 2; ++r) expand_a(o.a[2 * r], low[r]), expand_a(o.a[2 * r + 1], high[r]);
  if (s.negate)
    for (auto* rows : {low, high})
      for (unsigned r = 0; r < 2; ++r)
        for (unsigned e = 0; e < PER; ++e) SIM_EACH_LANE(l) rows[r][e][l] = -rows[r][e][l];
  for (unsigned tile = 0; tile < s.tiles; ++tile) {
    uint32_t word[LANES];
    for (unsigned r = 0; r < 2; ++r) b_fragment(o.b + tile * TILE, r, word), expand_b(word, b[r]);
    for (unsigned i = 0; i < 4; ++i) {
      if (!o.accumulate) {
        std::memset(c[i], 0, sizeof c[i]);
      } else if (s.half_d) {
        const uint32_t* x = w.op_any<uint32_t>(in, 2 * tile + i / 2);
        SIM_EACH_LANE(l) c[i][l] = f16_to_f32(x[l] >> (16 * (i % 2)) & 0xffff);
      } else {
        std::memcpy(c[i], w.op_any<float>(in, 4 * tile + i), sizeof c[i]);
      }
    }
    multiply<PER, K>(low, high, b, c, d, core);
    for (unsigned i = 0; i < 4; ++i) {
      if (s.half_d) {
        uint32_t* x = w.op_any<uint32_t>(in, 2 * tile + i / 2);
        if (i % 2)
          SIM_EACH_LANE(l) x[l] |= f32_to_f16_rn(bits(d[i][l])) << 16;
        else
          SIM_EACH_LANE(l) x[l] = f32_to_f16_rn(bits(d[i][l]));
      } else {
        uint32_t* x = w.op_any<uint32_t>(in, 4 * tile + i);
        SIM_EACH_LANE(l) x[l] = canonical(d[i][l]);
      }
    }
  }
}

// Bytes and single bits: exact, wrapping at 32 bits or clamped.
template <class DOT>
void integers(Warp& w, const Instr& in, DOT dot) {
  const Shape s = shape(in);
  static thread_local Operands o;
  fetch(w, in, s, o);
  Row32 a[ROWS];
  for (unsigned i = 0; i < 4; ++i)
    for (unsigned l = 0; l < LANES; ++l)
      std::memcpy(a[l / 4 + 8 * (i % 2)] + 4 * (l % 4) + 16 * (i / 2), &o.a[i][l], 4);
  for (unsigned i = 0; i < 4u * s.tiles; ++i) {
    uint32_t* d = w.op_any<uint32_t>(in, i);
    for (unsigned l = 0; l < LANES; ++l) {
      const unsigned row = l / 4 + 8 * (i / 2 % 2), column = 8 * (i / 4) + 2 * (l % 4) + i % 2;
      const int64_t sum = int64_t(dot(s, a[row], o.b[column])) + (o.accumulate ? int32_t(d[l]) : 0);
      d[l] = s.satfinite ? uint32_t(sum < INT32_MIN ? INT32_MIN : sum > INT32_MAX ? INT32_MAX : sum) : uint32_t(sum);
    }
  }
}
void bytes(Warp& w, const Instr& in) {
  integers(w, in, [](const Shape& s, const uint8_t* a, const uint8_t* b) {
    int32_t sum = 0;
    for (unsigned k = 0; k < K_BYTES; ++k)
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
Handler handler_of(Type a, Type b, unsigned n, unsigned k) {
  const bool small = n <= 32 || n % 16 == 0;  // integers have fewer N
  switch (a) {
    case Type::f16:
    case Type::bf16:
      return a == b && k == 16 ? floats<2> : nullptr;
    case Type::tf32:
      return a == b && k == 8 ? floats<1> : nullptr;
    case Type::e4m3:
    case Type::e5m2:
      return (b == Type::e4m3 || b == Type::e5m2) && k == 32 ? floats<4> : nullptr;
    case Type::s8:
    case Type::u8:
      return (b == Type::s8 || b == Type::u8) && k == 32 && small ? bytes : nullptr;
    case Type::b1:
      return a == b && k == 256 && small ? single_bits : nullptr;
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
  Handler h = handler_of(a, b, n, k);
  if (!h || (half && (a == Type::bf16 || a == Type::tf32))) return nullptr;
  if (integer != (a == Type::s8 || a == Type::u8 || a == Type::b1) || (a == Type::b1) != f.has("and")) return nullptr;
  if (!integer && !half && d != Type::f32) return nullptr;
  Shape s{};
  s.tiles = uint8_t(n / TILE), s.kind_a = uint8_t(a), s.kind_b = uint8_t(b);
  s.half_d = half, s.satfinite = f.has("satfinite"), s.n_d = uint8_t(n / (half ? 4 : 2));
  s.a_registers = f.text.operands.at(1).kind == ptx::Operand::vector;
  const size_t scale = s.n_d + (s.a_registers ? 4 : 1) + 1;  // of scale-d
  const size_t transposes = !sixteen ? 0 : s.a_registers ? 1 : 2;
  if (f.operand.size() != scale + 1 + (integer ? 0 : 2 + transposes)) return nullptr;
  if (f.text.operands.at(0).parts.size() != s.n_d || f.operand.at(scale).kind != Flat::pred) return nullptr;
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

void nothing(Warp&, const Instr&) {}
void commit(Warp& w, const Instr&) {
  WgmmaGroups& g = groups_of(w);
  g.committed.push_back(g.last);
}
// Waits until at most N of the latest groups are in flight; they are done, so only what the warp knows changes.
void wait_group(Warp& w, const Instr& in) {
  WgmmaGroups& g = groups_of(w);
  Order& order = w.cta->cluster->order;
  for (; g.committed.size() > in.aux; g.committed.pop_front(), ++g.waited_for)
    if (order.on() && g.committed.front().count)
      order.agent(w).known.seen.raise(g.committed.front().dim, g.committed.front().count);
  waited_for_groups(w, g.waited_for);
}
Handler wait(Form& f) {
  if (f.operand.at(0).kind != Flat::imm) return nullptr;
  f.aux = f.operand[0].value;
  return wait_group;
}

}  // namespace

#define PTX(name) "#asynchronous-warpgroup-level-matrix-instructions-wgmma-" name
void wgmma_rows(Rows& rows) {
  constexpr Scope G = Scope::WARPGROUP;
  constexpr Pattern MMA{4, 8, 1, -1, true}, NONE{0, 0, 0}, N{1, 1, 0};
  constexpr TypeSet fp = types({Type::f16, Type::bf16, Type::tf32, Type::f32, Type::e4m3, Type::e5m2}),
                    ints = types({Type::s32, Type::s8, Type::u8, Type::b1});
  // clang-format off
  //        name                               types    modifiers             operands scope select           anchor
  rows.add({"wgmma.mma_async.sync.aligned",    fp,      "m64n*",              MMA,     G, mma_async,       PTX("mma-async")});
  rows.add({"wgmma.mma_async.sync.aligned",    ints,    "m64n*|satfinite|and|popc", MMA, G, mma_async,     PTX("mma-async")});
  rows.add({"wgmma.fence.sync.aligned",        NO_TYPE, "",                   NONE,    G, always<nothing>, PTX("fence")});
  rows.add({"wgmma.commit_group.sync.aligned", NO_TYPE, "",                   NONE,    G, always<commit>,  PTX("commit-group")});
  rows.add({"wgmma.wait_group.sync.aligned",   NO_TYPE, "",                   N,       G, wait,            PTX("wait-group")});
  // clang-format on
}

}  // namespace sim
