// PTX ISA 9.7.16.11 and 9.7.16.12: how the tensor core's operations meet the rest of the kernel: tcgen05.commit lets
// an mbarrier tell their end, tcgen05.wait waits for loads and stores, tcgen05.fence orders what is still in flight
// across a barrier.
#include "../machine/access.h"
#include "../machine/mbarrier.h"
#include "../machine/windows.h"
#include "chapters.h"
#include "select.h"

namespace sim::tcgen05_sync_chapter {
namespace {

struct Shape {  // unpacked from Instr::aux
  uint8_t group, wide, generic, multicast, pad[4];
};

// Arrives once, at each of the mbarriers, when all the thread's operations before it are complete.
struct Commit : AsyncOp {
  std::vector<uint64_t> barriers;
  Sync knows;
  using AsyncOp::AsyncOp;
  void complete() override {
    for (uint64_t at : barriers)
      mbarrier_arrive(warp, instr, lane, mbarrier_at(warp, instr, lane, at), 1, false, &knows);
  }
};

void commit(Warp& w, const Instr& in) {
  const Shape s = __builtin_bit_cast(Shape, in.aux);
  Cluster& c = *w.cta->cluster;
  uint64_t at[LANES];
  addresses(w, in, 0, 0, s.wide, at);
  for (uint32_t m = w.exec; m; m &= m - 1) {
    unsigned l = unsigned(__builtin_ctz(m));
    use_cta_group(w, in, l, s.group);
    if (s.generic) {
      // ThunderKittens widens the 32-bit shared address instead of making it generic, and a B200 takes it
      Space space = at[l] < WINDOW ? Space::shared : Space::generic;
      to_own_space(space, at[l]);
      if (space != Space::shared)
        trap(w, in, l, Trap::illegal_address, "tcgen05.commit expects an mbarrier in shared memory");
    }
    auto op = std::make_unique<Commit>(w, in, l);
    if (s.multicast) {
      uint32_t mask = w.op_any<uint32_t>(in, 1)[l] & 0xffff;
      for (uint32_t k = mask; k; k &= k - 1) {
        uint32_t rank = uint32_t(__builtin_ctz(k));
        if (!c.at_rank(rank))
          trap(w, in, l, Trap::illegal_address,
               "tcgen05.commit names CTA rank " + std::to_string(rank) + " in its mask, of a cluster of " +
                   std::to_string(c.ctas.size()));
        op->barriers.push_back((at[l] & 0xffffff) | uint64_t(rank) << 24);
      }
    } else {
      op->barriers.push_back(at[l]);
    }
    for (uint64_t b : op->barriers) mbarrier_at(w, in, l, b);
    c.order.release(w, op->knows);
    Event e = c.order.tensor_so_far(w);
    if (e.dim) op->knows.seen.raise(e.dim, e.count);
    c.async.issue(std::move(op), queue_of(w, QUEUE_TENSOR));
  }
}

Handler select_commit(Form& f) {
  Shape s{};
  s.multicast = f.has("multicast::cluster");
  if (f.has("cta_group::1") == f.has("cta_group::2") || !f.has("mbarrier::arrive::one") || f.operand.empty() ||
      !f.operand[0].address || f.operand.size() != 1u + s.multicast)
    return nullptr;
  s.group = f.has("cta_group::2") ? 2 : 1;
  const Flat& a = f.operand[0];
  s.wide = (a.kind == Flat::imm ? a.imm_bits : a.bits) == 64;
  s.generic = space_of(f.op) == Space::generic;
  if (s.generic && !s.wide) return nullptr;
  if (s.multicast) f.operand[1].imm_bits = 32;
  f.aux = __builtin_bit_cast(uint64_t, s);
  return commit;
}

void wait_ld(Warp& w, const Instr&) {
  w.cta->cluster->order.wait_tmem_reads(w);
  waited_for_loads(w);
}
void wait_st(Warp& w, const Instr&) {
  w.cta->cluster->async.drain(queue_of(w, QUEUE_TMEM));
  w.cta->cluster->order.wait_tmem_writes(w);
}
void fence_before(Warp& w, const Instr&) { w.cta->cluster->order.tcgen05_fence_before(w); }
void fence_after(Warp& w, const Instr&) { w.cta->cluster->order.tcgen05_fence_after(w); }

}  // namespace

#define PTX(name) "#tcgen05-instructions-tcgen05-" name
void add_rows(Rows& rows) {
  constexpr Pattern NONE{0, 0, 0}, ONE_OR_TWO{1, 2, 0};
  // clang-format off
  //        name                                types                modifiers       operands    scope          select                 anchor
  rows.add({"tcgen05.commit",                   types({Type::b64}),  "cta_group::1|cta_group::2|mbarrier::arrive::one|shared::cluster|shared|multicast::cluster",
                                                                                     ONE_OR_TWO, Scope::ASYNC,  select_commit,         "#tcgen-async-sync-operations-commit"});
  rows.add({"tcgen05.wait::ld",                 NO_TYPE,             "sync|aligned", NONE,       Scope::WARP,   always<wait_ld>,       PTX("wait")});
  rows.add({"tcgen05.wait::st",                 NO_TYPE,             "sync|aligned", NONE,       Scope::WARP,   always<wait_st>,       PTX("wait")});
  rows.add({"tcgen05.fence::before_thread_sync", NO_TYPE,            "",             NONE,       Scope::ASYNC,  always<fence_before>,  PTX("fence")});
  rows.add({"tcgen05.fence::after_thread_sync", NO_TYPE,             "",             NONE,       Scope::ASYNC,  always<fence_after>,   PTX("fence")});
  // clang-format on
}
#undef PTX

}  // namespace sim::tcgen05_sync_chapter
