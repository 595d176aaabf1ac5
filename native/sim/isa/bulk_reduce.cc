// PTX ISA 9.7.9.25.4.2 cp.reduce.async.bulk. Each element is one relaxed read-modify-write of its own, as warps of
// other clusters may run on other host threads.
#include "bulk_reduce.h"

#include "bulk.h"
#include "chapters.h"
#include "reduction.h"
#include "select.h"

namespace sim {

using namespace reduction;

namespace {

template <class U, auto F>
void each(uint8_t* to, const uint8_t* from, uint32_t bytes) {
  for (uint32_t k = 0; k < bytes; k += sizeof(U)) {
    U b;
    std::memcpy(&b, from + k, sizeof b);
    update(reinterpret_cast<U*>(to + k), [&](U old) { return U(F(old, b)); }, std::memory_order_relaxed);
  }
}

template <class U>
Reduce bitwise(ReduceOp op) {
  switch (op) {
    case ReduceOp::and_: return each<U, and_>;
    case ReduceOp::or_: return each<U, or_>;
    case ReduceOp::xor_: return each<U, xor_>;
    default: return nullptr;
  }
}
template <class U, class T>
Reduce ordered(ReduceOp op) {
  switch (op) {
    case ReduceOp::min: return each<U, lesser<T>>;
    case ReduceOp::max: return each<U, greater<T>>;
    default: return nullptr;
  }
}
template <class H>
Reduce half(ReduceOp op) {
  switch (op) {
    case ReduceOp::add: return each<uint16_t, add_half<H>>;
    case ReduceOp::min: return each<uint16_t, extreme_half<H, false>>;
    case ReduceOp::max: return each<uint16_t, extreme_half<H, true>>;
    default: return nullptr;
  }
}

}  // namespace

ReduceOp reduce_op_of(const ptx::Opcode& op) {
  constexpr const char* names[] = {"", "add", "min", "max", "inc", "dec", "and", "or", "xor"};
  ReduceOp found = ReduceOp::none;
  for (unsigned k = 1; k < 9; ++k)
    if (op.has(names[k])) {
      if (found != ReduceOp::none) return ReduceOp::none;
      found = ReduceOp(k);
    }
  return found;
}

// The table "valid combinations of .redOp and element type".
Reduce reduce_of(ReduceOp op, Type type, bool to_shared) {
  const bool adds = op == ReduceOp::add;
  if (to_shared && (type == Type::b64 || type == Type::s64 || (type == Type::u64 && !adds) || ptx::is_float(type)))
    return nullptr;
  switch (type) {
    case Type::b32: return bitwise<uint32_t>(op);
    case Type::b64: return bitwise<uint64_t>(op);
    case Type::u32:
      if (op == ReduceOp::inc) return each<uint32_t, inc>;
      if (op == ReduceOp::dec) return each<uint32_t, dec>;
      return adds ? each<uint32_t, add> : ordered<uint32_t, uint32_t>(op);
    case Type::s32: return adds ? each<uint32_t, add> : ordered<uint32_t, int32_t>(op);
    case Type::u64: return adds ? each<uint64_t, add> : ordered<uint64_t, uint64_t>(op);
    case Type::s64: return ordered<uint64_t, int64_t>(op);
    case Type::f16: return half<f16_t>(op);
    case Type::bf16: return half<bf16_t>(op);
    case Type::f32: return adds ? each<uint32_t, add_f32> : nullptr;  // an H200 keeps subnormals, whatever the text says
    case Type::f64: return adds ? each<uint64_t, add_f64> : nullptr;
    default: return nullptr;
  }
}

Reduce tensor_reduce_of(ReduceOp op, TensorMap::Element element) {
  using E = TensorMap::Element;
  const bool bitwise_op = op == ReduceOp::and_ || op == ReduceOp::or_ || op == ReduceOp::xor_;
  switch (element) {
    case E::u32: return reduce_of(op, bitwise_op ? Type::b32 : Type::u32, false);
    case E::s32: return reduce_of(op, bitwise_op ? Type::b32 : Type::s32, false);
    case E::u64: return reduce_of(op, bitwise_op ? Type::b64 : Type::u64, false);
    case E::s64: return bitwise_op ? nullptr : reduce_of(op, Type::s64, false);  // seen on an H200
    case E::f16: return reduce_of(op, Type::f16, false);
    case E::bf16: return reduce_of(op, Type::bf16, false);
    case E::f32: return reduce_of(op, Type::f32, false);
    case E::f64: return reduce_of(op, Type::f64, false);  // not in the table, but an H200 adds them
    case E::f32_ftz: return op == ReduceOp::add ? each<uint32_t, add_f32_ftz> : nullptr;
    default: return nullptr;
  }
}

namespace bulk_reduce_chapter {
namespace {

// Unpacked from Instr::aux. Flat operands: destination, source, size[, mbarrier][, policy]
struct Shape {
  uint8_t wide, op, type, pad;
  int32_t offset;
};

struct ToGlobal : BulkWork {
  uint64_t to = 0, from = 0;
  Reduce reduce = nullptr;
  std::vector<uint8_t> bytes;
  using BulkWork::BulkWork;
  void read() override {
    if (bytes.empty()) return;
    std::memcpy(bytes.data(), resolve(warp, instr, lane, Space::shared, from, unsigned(bytes.size()), 16, Access::read,
                                      Proxy::async),
                bytes.size());
  }
  void write() override {
    if (bytes.empty()) return;
    const unsigned n = unsigned(bytes.size());
    reduce(resolve(warp, instr, lane, Space::global, to, n, 16, Access::update, Proxy::async), bytes.data(), n);
    count_transfer(warp, Transfer::out, n);
  }
};
struct ToCluster : AsyncOp {
  Target target;
  uint64_t from = 0;
  uint32_t bytes = 0;
  Reduce reduce = nullptr;
  using AsyncOp::AsyncOp;
  void complete() override {
    if (bytes) {
      const uint8_t* source = resolve(warp, instr, lane, Space::shared, from, bytes, 16, Access::read, Proxy::async);
      reduce(resolve(warp, instr, lane, Space::shared, target.to, bytes, 16, Access::update, Proxy::async), source, bytes);
    }
    count_transfer(warp, Transfer::across, bytes);
    complete_target(*this, target, bytes);
  }
};

template <bool GLOBAL>
void run(Warp& w, const Instr& in) {
  const Shape s = __builtin_bit_cast(Shape, in.aux);
  const Reduce reduce = reduce_of(ReduceOp(s.op), Type(s.type), !GLOBAL);
  Cluster& c = *w.cta->cluster;
  for (uint32_t m = w.exec; m; m &= m - 1) {
    const unsigned l = unsigned(__builtin_ctz(m));
    const uint64_t to = address(w, in, 0, s.wide & 1, in.offset[0], l),
                   from = address(w, in, 1, s.wide & 2, in.offset[1], l);
    const uint32_t bytes = word(w, in, 2, l);
    check_sixteens(w, in, l, to, from, bytes);
    if (GLOBAL) {
      auto op = std::make_shared<ToGlobal>(w, in, l);
      op->to = to, op->from = from, op->reduce = reduce, op->bytes.resize(bytes);
      issue_to_group(std::move(op), from, bytes);
    } else {
      auto op = std::make_unique<ToCluster>(w, in, l);
      op->target = targets_of(w, in, l, to, address(w, in, 3, s.wide & 4, s.offset, l), {})[0];
      op->from = from, op->bytes = bytes, op->reduce = reduce;
      note_target(w, in, l, op->target, bytes, true);
      shared_window(w, in, l, from, bytes, Access::read);
      c.order.async_read(w, in, l, *c.owner(from), uint32_t(from & 0xffffff), bytes, op->target.event);
      c.async.issue(std::move(op));
    }
  }
}

Handler select(Form& f) {
  if (f.n_types() != 1 || !f.has("shared::cta")) return nullptr;
  const bool global = f.has("global"), cluster = f.has("shared::cluster"), hint = f.has("L2::cache_hint");
  if (global == cluster || global != f.has("bulk_group") || cluster != f.has("mbarrier::complete_tx::bytes"))
    return nullptr;
  const ReduceOp op = reduce_op_of(f.op);
  const bool half_add = op == ReduceOp::add && (f.type() == Type::f16 || f.type() == Type::bf16);
  if (!reduce_of(op, f.type(), cluster) || half_add != f.has("noftz") || (cluster && hint)) return nullptr;
  if (f.operand.size() != 3u + cluster + hint || (cluster && !f.operand[3].address)) return nullptr;
  fix_width(f, 2, 32);
  Shape s{};
  s.wide = uint8_t(is_wide(f.operand[0]) | is_wide(f.operand[1]) << 1);
  if (cluster) s.wide |= uint8_t(is_wide(f.operand[3]) << 2), s.offset = constant_of(f.text, f.operand[3].written);
  s.op = uint8_t(op), s.type = uint8_t(f.type());
  f.aux = __builtin_bit_cast(uint64_t, s);
  return global ? run<true> : run<false>;
}

}  // namespace

void add_rows(Rows& rows) {
  constexpr TypeSet any = I32_64 | B32_64 | F32_64 | HALF;
  constexpr const char* words =
      "shared::cta|shared::cluster|global|mbarrier::complete_tx::bytes|bulk_group|L2::cache_hint|noftz|"
      "add|min|max|inc|dec|and|or|xor";
  rows.add({"cp.reduce.async.bulk", any, words, Pattern{3, 4, 0}, Scope::ASYNC, select,
            "#data-movement-and-conversion-instructions-cp-reduce-async-bulk"});
}

}  // namespace bulk_reduce_chapter
}  // namespace sim
