// PTX ISA 9.7.9.25.4 Bulk copy: cp.async.bulk in its four directions and cp.async.bulk.prefetch.
#include "bulk.h"
#include "chapters.h"
#include "select.h"
#include "../machine/profile_hooks.h"

namespace sim::bulk_chapter {
namespace {

// Unpacked from Instr::aux. Flat operands: destination, source, size[, ignored left, ignored right][, mbarrier]
// [, CTA mask][, policy][, byte mask]
struct Shape {
  uint8_t wide;   // bits 0-2: destination, source, mbarrier are 64-bit registers
  uint8_t flags;  // below
  uint8_t mask;   // operand of the CTA mask or byte mask
  uint8_t pad;
  int32_t offset;  // of the mbarrier's address
};
enum : uint8_t { OWN_CTA = 1, MULTICAST = 2, CP_MASK = 4, IGNORE_OOB = 8 };

// Bytes of global or shared memory into shared memory of one CTA.
struct Copy : AsyncOp {
  Target target;
  uint64_t from = 0;
  uint32_t bytes = 0, left = 0, right = 0;
  Space source = Space::global;
  using AsyncOp::AsyncOp;
  void complete() override {
    const Window to = shared_window(warp, instr, lane, target.to, bytes, Access::write);
    if (const uint32_t n = bytes - left - right; bytes && n) {
      Window win;
      const uint64_t a = from + left;
      if (!find_window(warp, instr, source, a, n, win)) out_of_bounds(warp, instr, lane, source, a, n, Access::read);
      if (source == Space::global) count_global_read(warp, a, n);
      Shadow written = to.shadow;
      written.mark(target.to, left + n + right);
      if (left) written.clear(target.to, left);
      if (right) written.clear(target.to + left + n, right);
      // Unwritten bytes stay so where they go: it is their use that is a fault.
      if (!win.all_written && !win.shadow.all(a, n))
        for (uint32_t k = 0; k < n; ++k)
          if (!win.shadow.all(a + k, 1)) written.clear(target.to + left + k, 1);
      std::memcpy(to.bytes + target.to + left, win.bytes + a, n);
    }
    count_transfer(warp, source == Space::global ? Transfer::in : Transfer::across, bytes);
    complete_target(*this, target, bytes);
  }
};

template <Space SOURCE>
void load(Warp& w, const Instr& in) {
  const Shape s = __builtin_bit_cast(Shape, in.aux);
  Cluster& c = *w.cta->cluster;
  for (uint32_t m = w.exec; m; m &= m - 1) {
    const unsigned l = unsigned(__builtin_ctz(m)), barrier = s.flags & IGNORE_OOB ? 5 : 3;
    const uint64_t to = address(w, in, 0, s.wide & 1, in.offset[0], l),
                   from = address(w, in, 1, s.wide & 2, in.offset[1], l);
    const uint32_t bytes = word(w, in, 2, l);
    check_sixteens(w, in, l, to, from, bytes);
    Destination d{bool(s.flags & OWN_CTA), bool(s.flags & MULTICAST), false, 0};
    if (d.multicast) d.mask = word(w, in, s.mask, l) & 0xffff;
    uint32_t left = 0, right = 0;
    if (s.flags & IGNORE_OOB) {
      left = word(w, in, 3, l), right = word(w, in, 4, l);
      if (left > 15 || right > 15 || left + right > bytes)
        trap(w, in, l, "a bulk copy ignores up to 15 bytes at either end, found " + std::to_string(left) + " and " +
                           std::to_string(right));
    }
    for (Target& t : targets_of(w, in, l, to, address(w, in, barrier, s.wide & 4, s.offset, l), d)) {
      note_target(w, in, l, t, bytes);
      if (SOURCE == Space::shared) {
        shared_window(w, in, l, from, bytes, Access::read);
        c.order.async_read(w, in, l, *c.owner(from), uint32_t(from & 0xffffff), bytes, t.event);
      }
      auto op = std::make_unique<Copy>(w, in, l);
      op->target = t, op->from = from, op->bytes = bytes, op->left = left, op->right = right, op->source = SOURCE;
      c.async.issue(std::move(op));
    }
  }
}

// Out of shared memory; with a byte mask, those bytes of every 16.
struct Store : BulkWork {
  uint64_t to = 0, from = 0;
  uint32_t mask = 0xffff;
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
    if (mask == 0xffff) {
      std::memcpy(resolve(warp, instr, lane, Space::global, to, n, 16, Access::write, Proxy::async), bytes.data(), n);
    } else {
      for (unsigned k = 0; k < n; ++k)
        if (mask >> k % 16 & 1)
          *resolve(warp, instr, lane, Space::global, to + k, 1, 1, Access::write, Proxy::async) = bytes[k];
    }
    count_transfer(warp, Transfer::out, n);
  }
};

void store(Warp& w, const Instr& in) {
  const Shape s = __builtin_bit_cast(Shape, in.aux);
  for (uint32_t m = w.exec; m; m &= m - 1) {
    const unsigned l = unsigned(__builtin_ctz(m));
    auto op = std::make_shared<Store>(w, in, l);
    op->to = address(w, in, 0, s.wide & 1, in.offset[0], l), op->from = address(w, in, 1, s.wide & 2, in.offset[1], l);
    const uint32_t bytes = word(w, in, 2, l);
    check_sixteens(w, in, l, op->to, op->from, bytes);
    if (s.flags & CP_MASK) op->mask = word(w, in, s.mask, l) & 0xffff;
    op->bytes.resize(bytes);
    const uint64_t from = op->from;
    issue_to_group(std::move(op), from, bytes);
  }
}

// [destination], [source]: which spaces, by the order in which they are named.
struct Spaces {
  Space to = Space::generic, from = Space::generic;
  bool to_own = false, from_own = false;
};
Spaces spaces_of(const ptx::Opcode& op) {
  Spaces s;
  for (size_t k = 2; k < op.tokens.size(); ++k) {
    const std::string& t = op.tokens[k];
    const bool global = t == "global", own = t == "shared::cta";
    if (!global && !own && t != "shared::cluster") continue;
    const Space space = global ? Space::global : Space::shared;
    if (s.to == Space::generic)
      s.to = space, s.to_own = own;
    else
      s.from = space, s.from_own = own;
  }
  return s;
}

Handler copy(Form& f) {
  const Spaces s = spaces_of(f.op);
  const bool hint = f.has("L2::cache_hint"), multicast = f.has("multicast::cluster"), group = f.has("bulk_group"),
             masked = f.has("cp_mask"), ignore = f.has("ignore_oob");
  const size_t n = f.operand.size();
  for (size_t k = 2; k < n; ++k)
    if (!f.operand[k].address) f.operand[k].imm_bits = 32;
  Shape x{uint8_t(is_wide(f.operand[0]) | is_wide(f.operand[1]) << 1), 0, 0, 0, 0};
  if (s.to == Space::global) {
    if (s.from != Space::shared || !s.from_own || !group || multicast || ignore) return nullptr;
    if (n != 3u + hint + masked) return nullptr;
    if (masked) x.flags = CP_MASK, x.mask = uint8_t(3 + hint);
    f.aux = __builtin_bit_cast(uint64_t, x);
    return store;
  }
  if (s.to != Space::shared || group || masked || !f.has("mbarrier::complete_tx::bytes")) return nullptr;
  const size_t barrier = ignore ? 5 : 3;
  if (n != barrier + 1 + multicast + hint || !f.operand[barrier].address) return nullptr;
  x.wide |= uint8_t(is_wide(f.operand[barrier]) << 2);
  x.offset = constant_of(f.text, f.operand[barrier].written);
  x.mask = uint8_t(barrier + 1);
  x.flags = uint8_t((s.to_own ? OWN_CTA : 0) | (multicast ? MULTICAST : 0) | (ignore ? IGNORE_OOB : 0));
  f.aux = __builtin_bit_cast(uint64_t, x);
  if (s.from == Space::global) return multicast && s.to_own ? nullptr : load<Space::global>;
  return s.from == Space::shared && s.from_own && !s.to_own && !multicast && !ignore ? load<Space::shared> : nullptr;
}

// There is no cache to fetch into; the operands are checked all the same.
void prefetch_run(Warp& w, const Instr& in) {
  for (uint32_t m = w.exec; m; m &= m - 1) {
    const unsigned l = unsigned(__builtin_ctz(m));
    check_sixteens(w, in, l, 0, address(w, in, 0, in.aux, in.offset[0], l), word(w, in, 1, l));
  }
}
Handler prefetch(Form& f) {
  if (!f.has("global") || f.operand.size() != 2u + f.has("L2::cache_hint")) return nullptr;
  f.operand[1].imm_bits = 32;
  f.aux = is_wide(f.operand[0]);
  return prefetch_run;
}

}  // namespace

#define PTX(name) "#data-movement-and-conversion-instructions-" name
void add_rows(Rows& rows) {
  constexpr Scope A = Scope::ASYNC;
  constexpr const char* words =
      "shared::cta|shared::cluster|global|mbarrier::complete_tx::bytes|bulk_group|multicast::cluster|L2::cache_hint|"
      "cp_mask|ignore_oob";
  // clang-format off
  //        name                      types    modifiers                   operands         scope select    anchor
  rows.add({"cp.async.bulk",          NO_TYPE, words,                      Pattern{3, 8, 0}, A,   copy,     PTX("cp-async-bulk")});
  rows.add({"cp.async.bulk.prefetch", NO_TYPE, "L2|global|L2::cache_hint", Pattern{2, 3, 0}, A,   prefetch, PTX("cp-async-bulk-prefetch")});
  // clang-format on
}
#undef PTX

}  // namespace sim::bulk_chapter
