// PTX ISA 9.7.9.25.5 Tensor copy: cp.async.bulk.tensor, its reductions and its prefetch.
#include "bulk_reduce.h"
#include "chapters.h"
#include "select.h"
#include "tensor_copy_move.h"
#include "tensor_map.h"

namespace sim::tensor_copy_chapter {
namespace {

// Unpacked from Instr::aux. Flat operands of a load: destination, map, coordinates, mbarrier[, im2col offsets]
// [, CTA mask][, policy]; of a store: map, coordinates, source[, policy].
struct Shape {
  uint8_t dims, mode;
  uint8_t wide;   // bits 0-2: destination or source, map, mbarrier are 64-bit registers
  uint8_t flags;  // below; of a reduction: ReduceOp
  int32_t offset;  // of the mbarrier's address
};
enum : uint8_t { OWN_CTA = 1, MULTICAST = 2, PAIR = 4 };

unsigned coordinates_of(const Shape& s) {
  return s.mode == TensorBox::gather4 || s.mode == TensorBox::scatter4 ? 5 : s.dims;
}
unsigned offsets_of(const Shape& s) { return s.mode == TensorBox::im2col ? s.dims - 2u : 0; }

// Map and coordinates of one lane; `map` is the map's flat operand, its address the `which`th of the instruction.
TensorBox box_of(Warp& w, const Instr& in, const Shape& s, unsigned map, unsigned which, unsigned lane, bool store) {
  TensorBox b;
  b.map = read_tensor_map(w, in, lane, address(w, in, map, s.wide & 2, in.offset[which], lane));
  b.mode = TensorBox::Mode(s.mode), b.store = store;
  for (unsigned k = 0; k < coordinates_of(s); ++k) b.at[k] = int32_t(word(w, in, map + 1 + k, lane));
  return b;
}
void prepare(Warp& w, const Instr& in, unsigned lane, const Shape& s, TensorBox& b) {
  if (std::string bad = b.prepare(s.dims); !bad.empty()) trap(w, in, lane, bad);
}
// PTX 9.1 #tensor-swizzling-modes and the CUDA programming guide: boxes begin at multiples of 128.
void check_box_place(Warp& w, const Instr& in, unsigned lane, uint64_t shared) {
  if (shared % 128)
    trap(w, in, lane, Trap::misaligned,
         "the box of a tensor copy begins at a multiple of 128 of shared memory, found " + std::to_string(shared & 0xffffff));
}

struct Load : AsyncOp {
  TensorBox box;
  Target target;
  Load(Warp& w, const Instr& in, unsigned l, const TensorBox& b, const Target& t)
      : AsyncOp(w, in, l), box(b), target(t) {}
  void complete() override {
    load_box(warp, instr, lane, box, target.to);
    complete_target(*this, target, box.counted);
  }
};

void load(Warp& w, const Instr& in) {
  const Shape s = __builtin_bit_cast(Shape, in.aux);
  const unsigned barrier = 2 + coordinates_of(s), info = barrier + 1, mask = info + offsets_of(s);
  for (uint32_t m = w.exec; m; m &= m - 1) {
    const unsigned l = unsigned(__builtin_ctz(m));
    TensorBox b = box_of(w, in, s, 1, 1, l, false);
    for (unsigned k = 0; k < offsets_of(s); ++k) b.offset[k] = uint16_t(word(w, in, info + k, l));
    prepare(w, in, l, s, b);
    const uint64_t to = address(w, in, 0, s.wide & 1, in.offset[0], l);
    check_box_place(w, in, l, to);
    Destination d{bool(s.flags & OWN_CTA), bool(s.flags & MULTICAST), bool(s.flags & PAIR), 0};
    if (d.multicast) d.mask = word(w, in, mask, l) & 0xffff;
    for (Target& t : targets_of(w, in, l, to, address(w, in, barrier, s.wide & 4, s.offset, l), d)) {
      note_target(w, in, l, t, b.footprint);
      w.cta->cluster->async.issue(std::make_unique<Load>(w, in, l, b, t));
    }
  }
}

struct Store : BulkWork {
  TensorBox box;
  uint64_t from;
  std::vector<uint8_t> bytes;
  Store(Warp& w, const Instr& in, unsigned l, const TensorBox& b, uint64_t source)
      : BulkWork(w, in, l), box(b), from(source) {}
  void read() override { read_box(warp, instr, lane, box, from, bytes); }
  void write() override {
    uint64_t moved = 0;
    unpack_box(box, from, bytes, [&](uint64_t to, uint32_t n, const uint8_t* piece, uint32_t tail) {
      Window win;  // a tail that leaves the allocation hits nothing of the program's
      if (tail && !find_window(warp, instr, Space::global, to, n + tail, win)) tail = 0;
      put(to, n + tail, piece);
      moved += n;
    });
    count_transfer(warp, Transfer::out, moved);
  }
  virtual void put(uint64_t to, uint32_t n, const uint8_t* piece) {
    std::memcpy(resolve(warp, instr, lane, Space::global, to, n, 1, Access::write, Proxy::async), piece, n);
  }
};
struct Reduction : Store {
  Reduce reduce;
  Reduction(Warp& w, const Instr& in, unsigned l, const TensorBox& b, uint64_t source, Reduce r)
      : Store(w, in, l, b, source), reduce(r) {}
  void put(uint64_t to, uint32_t n, const uint8_t* piece) override {
    reduce(resolve(warp, instr, lane, Space::global, to, n, 1, Access::update, Proxy::async), piece, n);
  }
};

template <bool REDUCES>
void store(Warp& w, const Instr& in) {
  const Shape s = __builtin_bit_cast(Shape, in.aux);
  for (uint32_t m = w.exec; m; m &= m - 1) {
    const unsigned l = unsigned(__builtin_ctz(m));
    TensorBox b = box_of(w, in, s, 0, 0, l, true);
    prepare(w, in, l, s, b);
    const uint64_t from = address(w, in, 1 + coordinates_of(s), s.wide & 1, in.offset[1], l);
    check_box_place(w, in, l, from);
    std::shared_ptr<Store> op;
    if (REDUCES) {
      const Reduce r = tensor_reduce_of(ReduceOp(s.flags), b.map.element);
      if (!r) trap(w, in, l, "this reduction does not go with the element type of its tensor map");
      op = std::make_shared<Reduction>(w, in, l, b, from, r);
    } else {
      op = std::make_shared<Store>(w, in, l, b, from);
    }
    issue_to_group(std::move(op), from, b.footprint);
  }
}

void prefetch_run(Warp& w, const Instr& in) {
  const Shape s = __builtin_bit_cast(Shape, in.aux);
  for (uint32_t m = w.exec; m; m &= m - 1) {
    const unsigned l = unsigned(__builtin_ctz(m));
    TensorBox b = box_of(w, in, s, 0, 0, l, false);
    for (unsigned k = 0; k < offsets_of(s); ++k) b.offset[k] = uint16_t(word(w, in, 1 + coordinates_of(s) + k, l));
    prepare(w, in, l, s, b);
  }
}

// Dimensions and mode; false when the words contradict one another. im2col::w and im2col::w::128 have no row: what
// their halo adds is told by pictures only.
bool read_form(const Form& f, bool to_global, Shape& s) {
  for (unsigned d = 1; d <= 5; ++d)
    if (f.has(std::to_string(d) + "d")) s.dims = uint8_t(d);
  s.mode = TensorBox::tile;
  unsigned modes = f.has("tile");
  auto mode = [&](const char* word, TensorBox::Mode m, bool allowed) {
    if (f.has(word)) s.mode = m, modes += allowed ? 1 : 2;
  };
  mode("tile::gather4", TensorBox::gather4, !to_global && s.dims == 2);
  mode("tile::scatter4", TensorBox::scatter4, to_global && s.dims == 2);
  mode("im2col", TensorBox::im2col, !to_global && s.dims >= 3);
  mode("im2col_no_offs", TensorBox::im2col_no_offs, to_global && s.dims >= 3);
  return s.dims && modes < 2;
}
// Everything but addresses is 32 bits wide.
void fix_widths(Form& f) {
  for (Flat& o : f.operand)
    if (!o.address) o.imm_bits = 32;
}

Handler select_load(Form& f) {
  Shape s{};
  if (!f.has("global") || !f.has("mbarrier::complete_tx::bytes") || !read_form(f, false, s)) return nullptr;
  const bool own = f.has("shared::cta"), cluster = f.has("shared::cluster"), multicast = f.has("multicast::cluster");
  if (own == cluster || (own && multicast)) return nullptr;
  const unsigned barrier = 2 + coordinates_of(s);
  if (f.operand.size() != barrier + 1u + offsets_of(s) + multicast + f.has("L2::cache_hint")) return nullptr;
  if (!f.operand[1].address || !f.operand[barrier].address) return nullptr;
  s.wide = uint8_t(is_wide(f.operand[0]) | is_wide(f.operand[1]) << 1 | is_wide(f.operand[barrier]) << 2);
  s.flags = uint8_t((own ? OWN_CTA : 0) | (multicast ? MULTICAST : 0) | (f.has("cta_group::2") ? PAIR : 0));
  s.offset = constant_of(f.text, f.operand[barrier].written);
  fix_widths(f);
  f.aux = __builtin_bit_cast(uint64_t, s);
  return load;
}
template <bool REDUCES>
Handler select_store(Form& f) {
  Shape s{};
  if (!f.has("global") || !f.has("shared::cta") || !f.has("bulk_group") || !read_form(f, true, s)) return nullptr;
  if (REDUCES) {
    const ReduceOp op = reduce_op_of(f.op);
    if (op == ReduceOp::none) return nullptr;
    s.flags = uint8_t(op);
  }
  const unsigned source = 1 + coordinates_of(s);
  if (f.operand.size() != source + 1u + f.has("L2::cache_hint") || !f.operand[source].address) return nullptr;
  s.wide = uint8_t(is_wide(f.operand[source]) | is_wide(f.operand[0]) << 1);
  fix_widths(f);
  f.aux = __builtin_bit_cast(uint64_t, s);
  return store<REDUCES>;
}
Handler select_prefetch(Form& f) {
  Shape s{};
  if (!f.has("global") || !f.has("L2") || !read_form(f, false, s)) return nullptr;
  if (f.operand.size() != 1u + coordinates_of(s) + offsets_of(s) + f.has("L2::cache_hint")) return nullptr;
  s.wide = uint8_t(is_wide(f.operand[0]) << 1);
  fix_widths(f);
  f.aux = __builtin_bit_cast(uint64_t, s);
  return prefetch_run;
}

}  // namespace

#define PTX(name) "#data-movement-and-conversion-instructions-" name
void add_rows(Rows& rows) {
  constexpr Scope A = Scope::ASYNC;
  constexpr const char* loads =
      "1d|2d|3d|4d|5d|tile|tile::gather4|im2col|global|shared::cta|shared::cluster|mbarrier::complete_tx::bytes|"
      "multicast::cluster|cta_group::1|cta_group::2|L2::cache_hint";
  constexpr const char* stores =
      "1d|2d|3d|4d|5d|tile|tile::scatter4|im2col_no_offs|global|shared::cta|bulk_group|L2::cache_hint";
  constexpr const char* reductions =
      "1d|2d|3d|4d|5d|tile|tile::scatter4|im2col_no_offs|global|shared::cta|bulk_group|L2::cache_hint|"
      "add|min|max|inc|dec|and|or|xor";
  constexpr const char* fetches = "1d|2d|3d|4d|5d|tile|tile::gather4|im2col|global|L2|L2::cache_hint";
  constexpr Pattern LOAD{3, 6, 0}, STORE{2, 3, 0}, FETCH{1, 3, 0};
  // clang-format off
  //        name                             types    modifiers   operands scope select            anchor
  rows.add({"cp.async.bulk.tensor",          NO_TYPE, loads,      LOAD,  A, select_load,         PTX("cp-async-bulk-tensor")});
  rows.add({"cp.async.bulk.tensor",          NO_TYPE, stores,     STORE, A, select_store<false>, PTX("cp-async-bulk-tensor")});
  rows.add({"cp.reduce.async.bulk.tensor",   NO_TYPE, reductions, STORE, A, select_store<true>,  PTX("cp-reduce-async-bulk-tensor")});
  rows.add({"cp.async.bulk.prefetch.tensor", NO_TYPE, fetches,    FETCH, A, select_prefetch,     PTX("cp-async-bulk-prefetch-tensor")});
  // clang-format on
}
#undef PTX

}  // namespace sim::tensor_copy_chapter
