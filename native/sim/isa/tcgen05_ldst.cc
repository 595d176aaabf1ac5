// PTX ISA 9.7.16.8 tcgen05.ld and .st: tensor memory to registers and back, a warp at a time. Warp w of a CTA
// reaches lanes 32*(w%4) to 32*(w%4)+31, whatever quadrant the address names; a lane of the address inside the
// quadrant counts (16 for the upper half in the shapes of 16 lanes).
// PTX 9.1 #tcgen05-instructions-tcgen05-ld #tcgen05-instructions-tcgen05-st #tcgen05-data-movement-shape
#include "../machine/cluster.h"
#include "../machine/lane.h"
#include "../machine/program.h"
#include "chapters.h"
#include "select.h"

namespace sim {
namespace {

enum Kind : uint8_t { S32x32b, S16x64b, S16x128b, S16x256b, S16x32bx2 };
struct Shape {  // unpacked from Instr::aux
  Kind kind;
  uint8_t packed;
  uint16_t n;        // registers a thread
  uint16_t columns;  // of one piece; 16x32bx2 has two
  uint16_t pad;
};

struct Place {
  unsigned row, column;
};
// Where register i of thread t lies in the matrix: PTX 9.1 #tcgen05-data-movement-shape, figures of the fragments.
template <Kind K>
constexpr Place place(unsigned i, unsigned t) {
  switch (K) {
    case S32x32b: return {t, i};
    case S16x64b: return {(t & 1) * 8 + t / 4, 2 * i + (t / 2) % 2};
    case S16x128b: return {t / 4 + 8 * (i % 2), 4 * (i / 2) + t % 4};
    case S16x256b: return {t / 4 + 8 * (i / 2 % 2), 8 * (i / 4) + 2 * (t % 4) + i % 2};
    case S16x32bx2: return {t % 16, i};  // threads from 16 on: of the second piece
  }
}

// What an instruction reaches: rows from `row` on, one or two runs of columns.
struct Reach {
  Tmem& tmem;
  unsigned row, halves;
  uint32_t column[2], columns;
  unsigned pieces;
};

uint32_t uniform_address(Warp& w, const Instr& in, unsigned k) {
  const uint32_t* a = w.op_any<uint32_t>(in, k);
  for (unsigned l = 1; l < LANES; ++l)
    if (a[l] != a[0])
      trap(w, in, l, "expected one tensor memory address for all lanes of the warp, found " + std::to_string(a[0]) +
                         " and " + std::to_string(a[l]));
  return a[0] + uint32_t(in.offset[0]);
}

Reach reach(Warp& w, const Instr& in, const Shape& s, unsigned address_at, unsigned split_at) {
  if (uint32_t gone = ~w.state->live)
    trap(w, in, unsigned(__builtin_ctz(w.state->live)),
         in.info->text->op.text + " needs all 32 threads of its warp, and thread " +
             std::to_string(w.index * LANES + unsigned(__builtin_ctz(gone))) + " has exited or never was");
  uint32_t address = uniform_address(w, in, address_at), lane = address >> 16 & 31;
  bool half = s.kind != S32x32b;
  if (lane && !(half && lane == 16))
    trap(w, in, 0, Trap::misaligned,
         in.info->text->op.text + " starts at lane 0" + (half ? " or 16" : "") +
             " of its quadrant, found an address with lane " + std::to_string(lane));
  unsigned row = w.index % 4 * 32 + lane;
  Reach r{tmem_of(*w.cta), row, (half ? 1u : 3u) << row / 16, {tmem_column(address), 0}, s.columns, 1};
  if (s.kind == S16x32bx2)
    r.column[1] = tmem_column(address + *w.op_any<uint32_t>(in, split_at)), r.pieces = 2;
  for (unsigned p = 0; p < r.pieces; ++p) check_columns(w, in, 0, *w.cta, r.column[p], r.columns);
  return r;
}

// f(word, i, t) for the words of register i of thread t; packed: the first of two columns.
template <Kind K, class F>
void each_word(const Reach& r, unsigned n, bool packed, F f) {
  for (unsigned t = 0; t < LANES; ++t) {
    const unsigned piece = K == S16x32bx2 && t >= 16;
    for (unsigned i = 0; i < n; ++i) {
      Place p = place<K>(i, t);
      f(&r.tmem.word[r.row + p.row][r.column[piece] + (packed ? 2 * p.column : p.column)], i, t);
    }
  }
}

bool all_written(Warp& w, const Reach& r) {
  if (!w.cta->launch->config.check_uninitialised) return true;
  for (unsigned p = 0; p < r.pieces; ++p)
    for (unsigned h = r.halves; h; h &= h - 1) {
      const uint16_t* written = r.tmem.written[__builtin_ctz(h)] + r.column[p];
      for (unsigned c = 0; c < r.columns; ++c)
        if (uint16_t(~written[c])) return false;
    }
  return true;
}

// A right kernel may load words that nobody has written, as long as it makes nothing of them: M = 64 leaves half the
// lanes empty, and 32x32b loads all of them. The same goes for words that hang on operands which raced.
template <Kind K>
void hand_on_undefined(Warp& w, const Instr& in, const Reach& r, const Shape& s) {
  const Cluster& c = *w.cta->cluster;
  each_word<K>(r, s.n, s.packed, [&](const uint32_t* word, unsigned i, unsigned t) {
    const size_t at = size_t(word - r.tmem.word[0]);
    const unsigned row = at / Tmem::COLUMNS, column = at % Tmem::COLUMNS, n = s.packed ? 2 : 1;
    const std::string where = ", at lane " + std::to_string(row) + " column " + std::to_string(column);
    if (const Origin* o = c.order.on() ? c.results.first(*w.cta, row, column, n) : nullptr)
      undefined_result(w, in, t, i,
                       "tensor memory that comes of it" + where + (o->read.empty() ? "" : " (" + o->read + ")"), o->race);
    else if (w.cta->launch->config.check_uninitialised && !r.tmem.is_written(row, column, n))
      undefined_result(w, in, t, i,
                       "tensor memory that " + c.order.maker_of_unwritten(*w.cta, row, column) + where);
  });
}

// The values are taken at issue: who reads the registers waits for them anyway
// (#tcgen05-memory-consistency-model-canonical-sync-patterns-reg-dependency-same-thread). That the words were read is
// known only after tcgen05.wait::ld, which Order holds against whoever writes them.
template <Kind K>
void ld(Warp& w, const Instr& in) {
  const Shape s = __builtin_bit_cast(Shape, in.aux);
  Reach r = reach(w, in, s, s.n, s.n + 1u);
  // The warp's own stores come first: PTX wants tcgen05.wait::st, the hardware keeps the two in order, and CUTLASS's
  // stream-K epilogue relies on it.
  w.cta->cluster->async.drain(queue_of(w, QUEUE_TMEM));
  Order& order = w.cta->cluster->order;
  Results& results = w.cta->cluster->results;
  order.wait_tmem_writes(w);
  if (!all_written(w, r) || (order.on() && results.any(*w.cta))) hand_on_undefined<K>(w, in, r, s);
  if (order.on()) {
    Event e = order.next_tmem_read(w);
    for (unsigned p = 0; p < r.pieces; ++p) {
      order.tmem(w, in, 0, *w.cta, r.halves, r.column[p], r.columns, false, e);
      results.taken(*w.cta, r.halves, r.column[p], r.columns);
    }
    late_result(w, in, e);
  }
  uint32_t* d[128];
  for (unsigned i = 0; i < s.n; ++i) d[i] = w.op_any<uint32_t>(in, i);
  if (s.packed)
    each_word<K>(r, s.n, true, [&](const uint32_t* word, unsigned i, unsigned t) {
      d[i][t] = (word[0] & 0xffff) | word[1] << 16;
    });
  else
    each_word<K>(r, s.n, false, [&](const uint32_t* word, unsigned i, unsigned t) { d[i][t] = *word; });
}

// PTX does not say what the upper halves of unpacked words hold: they stay poison.
constexpr uint32_t UPPER = 0xcdcd0000;

template <Kind K>
struct Store : AsyncOp {
  Reach r;
  Shape s;
  std::vector<uint32_t> values;  // by register, then lane
  Store(Warp& w, const Instr& in, const Reach& reach, const Shape& shape) : AsyncOp(w, in, 0), r(reach), s(shape) {
    values.resize(s.n * LANES);
    for (unsigned i = 0; i < s.n; ++i)
      std::memcpy(&values[i * LANES], w.op_any<uint32_t>(in, i + first(s)), LANES * sizeof values[0]);
  }
  static unsigned first(const Shape& s) { return s.kind == S16x32bx2 ? 2 : 1; }
  void complete() override {
    const uint32_t* v = values.data();
    if (s.packed)
      each_word<K>(r, s.n, true, [&](uint32_t* word, unsigned i, unsigned t) {
        word[0] = UPPER | (v[i * LANES + t] & 0xffff), word[1] = UPPER | v[i * LANES + t] >> 16;
      });
    else
      each_word<K>(r, s.n, false, [&](uint32_t* word, unsigned i, unsigned t) { *word = v[i * LANES + t]; });
    for (unsigned p = 0; p < r.pieces; ++p)
      for (unsigned h = r.halves; h; h &= h - 1)
        std::memset(r.tmem.written[__builtin_ctz(h)] + r.column[p], 0xff, r.columns * sizeof(uint16_t));
  }
};

// What an undefined register is stored to is tainted with its origin.
template <Kind K>
void store_undefined(Warp& w, const Instr& in, const Reach& r, const Shape& s) {
  const Undefined& u = w.state->undefined;
  Results& results = w.cta->cluster->results;
  each_word<K>(r, s.n, s.packed, [&](const uint32_t* word, unsigned i, unsigned t) {
    const Slot from = in.more[i + Store<K>::first(s)];
    if (!(u.lanes(from) >> t & 1)) return;
    const size_t at = size_t(word - r.tmem.word[0]);
    std::fill_n(results.words(*w.cta, at / Tmem::COLUMNS, at % Tmem::COLUMNS), s.packed ? 2 : 1,
                results.origin(u.origin(from)));
  });
}

template <Kind K>
void st(Warp& w, const Instr& in) {
  const Shape s = __builtin_bit_cast(Shape, in.aux);
  Reach r = reach(w, in, s, 0, 1);
  Order& order = w.cta->cluster->order;
  if (order.on()) {
    Event e = order.next_tmem_write(w);
    for (unsigned p = 0; p < r.pieces; ++p) {
      order.tmem(w, in, 0, *w.cta, r.halves, r.column[p], r.columns, true, e);
      w.cta->cluster->results.overwritten(*w.cta, r.halves, r.column[p], r.columns);
    }
    if (w.state->undefined.any()) store_undefined<K>(w, in, r, s);
  }
  w.cta->cluster->async.issue(std::make_unique<Store<K>>(w, in, r, s), queue_of(w, QUEUE_TMEM));
}

// Registers a thread and columns for each of .num (#tcgen05-num-shapes-ld).
struct Unit {
  const char* name;
  Kind kind;
  unsigned registers, columns;
  Handler ld, st;
};
constexpr Unit UNITS[] = {
    {"32x32b", S32x32b, 1, 1, ld<S32x32b>, st<S32x32b>},
    {"16x64b", S16x64b, 1, 2, ld<S16x64b>, st<S16x64b>},
    {"16x128b", S16x128b, 2, 4, ld<S16x128b>, st<S16x128b>},
    {"16x256b", S16x256b, 4, 8, ld<S16x256b>, st<S16x256b>},
    {"16x32bx2", S16x32bx2, 1, 1, ld<S16x32bx2>, st<S16x32bx2>},
};

template <bool LOAD>
Handler select(Form& f) {
  if (!f.has("sync") || !f.has("aligned")) return nullptr;
  unsigned num = 0;
  for (unsigned n = 1; n <= 128; n *= 2)
    if (f.has("x" + std::to_string(n))) num = n;
  for (const Unit& u : UNITS) {
    if (!f.has(u.name) || !num || u.registers * num > 128) continue;
    bool two = u.kind == S16x32bx2, packed = f.has(LOAD ? "pack::16b" : "unpack::16b");
    Shape s{u.kind, packed, uint16_t(u.registers * num), uint16_t(u.columns * num * (packed ? 2 : 1)), 0};
    // ld: registers, address[, split]; st: address[, split], registers
    size_t address = LOAD ? s.n : 0;
    if (f.operand.size() != size_t(s.n) + (two ? 2 : 1) || !f.operand[address].address) return nullptr;
    if (two && f.operand[address + 1].kind != Flat::imm) return nullptr;
    for (Flat& o : f.operand) o.imm_bits = 32;
    f.aux = __builtin_bit_cast(uint64_t, s);
    return LOAD ? u.ld : u.st;
  }
  return nullptr;
}

}  // namespace

void tcgen05_ldst_rows(Rows& rows) {
  constexpr const char* shapes =
      "sync|aligned|32x32b|16x64b|16x128b|16x256b|16x32bx2|x1|x2|x4|x8|x16|x32|x64|x128|pack::16b|unpack::16b";
  // tcgen05.ld.red is for sm_101, sm_103 and sm_110: no row, a trap
  rows.add({"tcgen05.ld", B32, shapes, Pattern{2, 3, 1}, Scope::WARP, select<true>, "#tcgen05-instructions-tcgen05-ld"});
  rows.add({"tcgen05.st", B32, shapes, Pattern{2, 3, 0}, Scope::WARP, select<false>, "#tcgen05-instructions-tcgen05-st"});
}

}  // namespace sim
