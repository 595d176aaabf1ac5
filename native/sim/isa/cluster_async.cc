// PTX ISA 9.7.9.12-13 st.async, st.bulk and 9.7.13.7 red.async. One operation a lane; those on a peer's shared memory
// complete on an mbarrier beside their destination. All are of the generic proxy, so no proxy fence is theirs to
// need.
#include <atomic>
#include <cstring>

#include "../machine/access.h"
#include "../machine/mbarrier.h"
#include "../machine/windows.h"
#include "chapters.h"
#include "select.h"

namespace sim::cluster_async_chapter {
namespace {

enum Op : uint8_t { STORE, ADD, MIN, MAX, AND, OR, XOR, INC, DEC };
// Unpacked from Instr::aux. Flat operands: a, b{...}, mbar
struct Shape {
  uint8_t space, wide, wide_bar;
  uint8_t op, bytes, count, is_signed, pad;  // bytes of one of `count` elements
};

template <class U, class S>
U reduce(uint8_t op, U r, U b, bool is_signed) {
  switch (op) {
    case ADD: return U(r + b);
    case MIN: return (is_signed ? S(r) < S(b) : r < b) ? r : b;
    case MAX: return (is_signed ? S(r) > S(b) : r > b) ? r : b;
    case AND: return r & b;
    case OR: return r | b;
    case XOR: return r ^ b;
    case INC: return r >= b ? U(0) : U(r + 1);
    case DEC: return r == 0 || r > b ? b : U(r - 1);
    default: return b;
  }
}
template <class U, class S>
void reduce_at(uint8_t* at, const uint8_t* value, const Shape& s) {
  U b;
  std::memcpy(&b, value, sizeof b);
  std::atomic_ref<U> cell(*reinterpret_cast<U*>(at));  // global memory has clusters on other cores
  U old = cell.load(std::memory_order_relaxed);
  while (!cell.compare_exchange_weak(old, reduce<U, S>(s.op, old, b, s.is_signed))) {
  }
}

struct Store : AsyncOp {
  using AsyncOp::AsyncOp;
  Shape shape;
  Space space;
  uint64_t to, bar = 0;
  Event event;
  uint8_t value[16];

  void complete() override {
    unsigned n = shape.bytes * shape.count;
    uint8_t* at = resolve(warp, instr, lane, space, to, n, n, shape.op ? Access::update : Access::write, Proxy::async);
    if (!shape.op)
      std::memcpy(at, value, n);
    else if (shape.bytes == 8)
      reduce_at<uint64_t, int64_t>(at, value, shape);
    else
      reduce_at<uint32_t, int32_t>(at, value, shape);
    if (bar) mbarrier_complete_tx(warp, instr, lane, mbarrier_at(warp, instr, lane, bar), n, &event);
  }
};

void gather(Warp& w, const Instr& in, const Shape& s, unsigned l, uint8_t* out) {
  for (unsigned k = 0; k < s.count; ++k)
    if (s.bytes == 16)
      std::memcpy(out, reinterpret_cast<const uint8_t*>(w.op_any<uint64_t>(in, 1)) + 16 * l, 16);
    else if (s.bytes == 8)
      std::memcpy(out + 8 * k, w.op_any<uint64_t>(in, 1 + k) + l, 8);
    else
      std::memcpy(out + s.bytes * k, w.op_any<uint32_t>(in, 1 + k) + l, s.bytes);
}

std::unique_ptr<Store> operation(Warp& w, const Instr& in, const Shape& s, unsigned l, uint64_t to) {
  auto op = std::make_unique<Store>(w, in, l);
  op->shape = s, op->space = Space(s.space), op->to = to;
  to_own_space(op->space, op->to);
  unsigned n = s.bytes * s.count;
  if (to % n)
    trap(w, in, l, Trap::misaligned, in.info->text->op.text + " of " + std::to_string(n) +
                                         " bytes: the address must be a multiple of it");
  gather(w, in, s, l, op->value);
  return op;
}

// To shared memory of the cluster, with an mbarrier of the same CTA.
void to_cluster(Warp& w, const Instr& in) {
  const Shape s = __builtin_bit_cast(Shape, in.aux);
  Cluster& c = *w.cta->cluster;
  uint64_t to[LANES], bar[LANES];
  addresses(w, in, 0, 0, s.wide, to);
  addresses(w, in, 1 + s.count, 1, s.wide_bar, bar);
  const std::string& name = in.info->text->op.text;
  for (uint32_t m = w.exec; m; m &= m - 1) {
    unsigned l = unsigned(__builtin_ctz(m));
    auto op = operation(w, in, s, l, to[l]);
    Space space = Space(s.space);
    op->bar = bar[l];
    to_own_space(space, op->bar);
    if (op->space != Space::shared || space != Space::shared)
      trap(w, in, l, Trap::illegal_address, name + " expects addresses of shared memory of the cluster");
    if (op->to >> 24 != op->bar >> 24)
      trap(w, in, l, Trap::illegal_address,
           name + " expects the mbarrier in the CTA of its destination (rank " + std::to_string(op->to >> 24) +
               "), found one of CTA rank " + std::to_string(op->bar >> 24));
    Mbarrier& b = mbarrier_at(w, in, l, op->bar);
    op->event = b.current();
    unsigned n = s.bytes * s.count;
    Window win;
    if (!find_window(w, in, Space::shared, op->to, n, win))
      out_of_bounds(w, in, l, Space::shared, op->to, n, s.op ? Access::update : Access::write);
    // PTX 9.1 #data-movement-and-conversion-instructions-st-async: for clusters of more than one CTA, and
    // #...-red-async for other CTAs than the own. Kernels do it all the same, so no fault.
    if (c.ctas.size() == 1 || (s.op && b.cta == w.cta))
      w.cta->launch->lint(name + " at PTX line " + std::to_string(in.info->text->line) +
                          " reaches the CTA's own shared memory, which PTX leaves undefined");
    c.order.async_write(w, in, l, *b.cta, uint32_t(op->to & 0xffffff), n, op->event, s.op != STORE);
    c.async.issue(std::move(op));
  }
}

// st.async.release, red.async.release to global memory: complete at the latest when the CTA ends.
void to_global(Warp& w, const Instr& in) {
  const Shape s = __builtin_bit_cast(Shape, in.aux);
  Cluster& c = *w.cta->cluster;
  uint64_t to[LANES];
  addresses(w, in, 0, 0, s.wide, to);
  for (uint32_t m = w.exec; m; m &= m - 1) {
    unsigned l = unsigned(__builtin_ctz(m));
    auto op = operation(w, in, s, l, to[l]);
    if (op->space != Space::global)
      trap(w, in, l, Trap::illegal_address, in.info->text->op.text + " expects an address of global memory");
    Window win;
    if (!find_window(w, in, Space::global, op->to, s.bytes, win))
      out_of_bounds(w, in, l, Space::global, op->to, s.bytes, s.op ? Access::update : Access::write);
    c.order.release(w, c.global_sync);
    c.async.issue(std::move(op));
  }
}

uint8_t op_of(const Form& f) {
  struct {
    const char* name;
    Op op;
  } const all[] = {{"add", ADD}, {"min", MIN}, {"max", MAX}, {"and", AND},
                   {"or", OR},   {"xor", XOR}, {"inc", INC}, {"dec", DEC}};
  for (const auto& o : all)
    if (f.has(o.name)) return o.op;
  return STORE;
}
bool has_types(const Form& f, TypeSet set) { return f.n_types() == 1 && (set >> unsigned(f.type()) & 1); }

template <bool RED>
Handler select(Form& f) {
  Shape s{};
  s.space = uint8_t(space_of(f.op));
  s.count = f.has("v4") ? 4 : f.has("v2") ? 2 : 1;
  s.bytes = uint8_t(ptx::bits_of(f.type()) / 8);
  s.op = op_of(f), s.is_signed = ptx::is_signed(f.type());
  bool barrier = f.has("mbarrier::complete_tx::bytes"), global = f.has("release");
  if (barrier == global || (RED && !s.op) || f.operand.size() != size_t(1 + s.count + barrier)) return nullptr;
  if (!f.operand[0].address) return nullptr;
  s.wide = f.operand[0].bits == 64;
  for (unsigned k = 1; k <= s.count; ++k)
    if (f.operand[k].kind == Flat::imm) fix_width(f, k, s.bytes == 8 ? 64 : 32);
  constexpr TypeSet words = types({Type::b32, Type::u32, Type::s32, Type::f32}),
                    doubles = types({Type::b64, Type::u64, Type::s64, Type::f64}), sums = types({Type::u32, Type::s32, Type::u64});
  if (global) {
    bool ok = f.has("gpu") || f.has("sys") || (RED && f.has("cluster"));
    if (f.has("mmio") && !f.has("sys")) ok = false;
    if (!ok || s.count > 1 || f.has("shared::cluster")) return nullptr;
    if (RED && (s.op != ADD || !has_types(f, sums | types({Type::s64})))) return nullptr;
    if (!RED && s.bytes > 8) return nullptr;
    f.aux = __builtin_bit_cast(uint64_t, s);
    return to_global;
  }
  if (!f.operand.back().address || f.has("mmio") || f.has("global")) return nullptr;
  s.wide_bar = f.operand.back().bits == 64;
  if (RED) {
    bool ok = s.op == ADD              ? has_types(f, sums)
              : s.op <= MAX            ? has_types(f, types({Type::u32, Type::s32}))
              : s.op >= INC            ? has_types(f, types({Type::u32}))
                                       : has_types(f, types({Type::b32}));
    if (!ok || s.count > 1 || !f.has("relaxed") || !f.has("cluster")) return nullptr;
  } else {
    TypeSet set = words | (s.count < 4 ? doubles : 0) | (s.count == 1 ? types({Type::b128}) : 0);
    if (!has_types(f, set)) return nullptr;
  }
  f.aux = __builtin_bit_cast(uint64_t, s);
  return to_cluster;
}

// st.bulk [a], bytes, 0
struct Bulk {
  uint8_t space, wide, wide_size, pad[5];
};
void st_bulk(Warp& w, const Instr& in) {
  const Bulk s = __builtin_bit_cast(Bulk, in.aux);
  uint64_t a[LANES];
  addresses(w, in, 0, 0, s.wide, a);
  for (uint32_t m = w.exec; m; m &= m - 1) {
    unsigned l = unsigned(__builtin_ctz(m));
    uint64_t n = s.wide_size ? w.op<uint64_t>(in, 1)[l] : w.op<uint32_t>(in, 1)[l], at = a[l];
    if (n % 8 || n > 16777216)
      trap(w, in, l, "st.bulk fills a multiple of 8 bytes, at most 16777216, found " + std::to_string(n));
    Space space = Space(s.space);
    to_own_space(space, at);
    if (space != Space::shared || at >> 24 != w.cta->rank)
      trap(w, in, l, Trap::illegal_address, "st.bulk expects an address of the CTA's own shared memory");
    if (n) std::memset(resolve(w, in, l, space, at, unsigned(n), 8, Access::write), 0, n);
  }
}
Handler select_bulk(Form& f) {
  if (!f.operand[0].address || f.operand[2].kind != Flat::imm || f.operand[2].value != 0) return nullptr;
  Bulk s{};
  s.space = uint8_t(space_of(f.op)), s.wide = f.operand[0].bits == 64;
  if (f.operand[1].kind == Flat::imm) fix_width(f, 1, 32);
  s.wide_size = f.operand[1].kind == Flat::reg && f.operand[1].bits == 64;
  f.aux = __builtin_bit_cast(uint64_t, s);
  return st_bulk;
}

}  // namespace

void add_rows(Rows& rows) {
  constexpr TypeSet any = types({Type::b8, Type::u8, Type::s8, Type::b16, Type::u16, Type::s16, Type::b32, Type::u32, Type::s32,
                                 Type::f32, Type::b64, Type::u64, Type::s64, Type::f64, Type::b128});
  constexpr TypeSet whole = types({Type::b32, Type::u32, Type::s32, Type::u64, Type::s64});
  constexpr Pattern TO{2, 3, 0}, BULK{3, 3, 0};
  constexpr Scope A = Scope::ASYNC;
  constexpr const char* st = "weak|release|cluster|gpu|sys|mmio|global|shared::cluster|mbarrier::complete_tx::bytes|v2|v4";
  constexpr const char* red =
      "relaxed|release|cluster|gpu|sys|mmio|global|shared::cluster|mbarrier::complete_tx::bytes|"
      "add|min|max|and|or|xor|inc|dec";
  // clang-format off
  //        name         types    modifiers          operands scope        select         anchor
  rows.add({"st.async",  any,     st,                TO,      A,           select<false>, "#data-movement-and-conversion-instructions-st-async"});
  rows.add({"red.async", whole,   red,               TO,      A,           select<true>,  "#parallel-synchronization-and-communication-instructions-red-async"});
  rows.add({"st.bulk",   NO_TYPE, "weak|shared::cta", BULK,   Scope::LANE, select_bulk,   "#data-movement-and-conversion-instructions-st-bulk"});
  // clang-format on
}

}  // namespace sim::cluster_async_chapter
