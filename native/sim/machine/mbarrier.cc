#include "mbarrier.h"

#include "cluster_barrier.h"

#include <cstring>

#include "access.h"

namespace sim {

namespace {

std::string hex(uint64_t v) {
  char s[24];
  std::snprintf(s, sizeof s, "0x%llx", static_cast<unsigned long long>(v));
  return s;
}

// What the 8 bytes hold. Opaque to programs (PTX 9.1 #size-and-alignment-of-mbarrier-object), so any image that
// changes with the state will do; it is never zero or poison.
uint64_t image_of(const Mbarrier& b) {
  return 0x4d42000000000000ull ^ uint64_t(b.phase & 0xff) << 40 ^ uint64_t(b.pending) << 20 ^
         uint64_t(uint32_t(b.tx) & 0xfffff);
}
uint8_t* bytes_of(const Mbarrier& b) { return b.cta->shared.data() + b.offset; }
void store_image(const Mbarrier& b) {
  uint64_t v = image_of(b);
  std::memcpy(bytes_of(b), &v, sizeof v);
}

void check_place(Warp& w, const Instr& in, unsigned lane, uint64_t address) {
  if (address % 8) trap(w, in, lane, Trap::misaligned, "an mbarrier lies at a multiple of 8, found " + hex(address));
}

void note(Mbarrier& b, const Warp& w, const Instr& in) {
  ++b.cta->cluster->stirred;
  b.last = &in, b.last_rank = w.cta->rank, b.last_warp = w.index;
}

// The phase ends when nothing is pending and every announced byte has come, both at once.
void turn_over(Mbarrier& b) {
  if (b.pending == 0 && b.tx == 0) {
    Cluster& c = *b.cta->cluster;
    ++b.phase;
    b.pending = b.expected;
    b.done.join(b.arriving);
    if (c.order.on()) b.done.seen.raise(b.dim, b.before + b.phase);
    b.arriving.clear();
    store_image(b);
    c.wake(b);
    return;
  }
  store_image(b);
}

}  // namespace

std::string Mbarrier::describe() const {
  const Dim3& id = cta->id;
  std::string s = "mbarrier at shared " + hex(offset) + " of CTA (" + std::to_string(id.x) + "," +
                  std::to_string(id.y) + "," + std::to_string(id.z) + ") in phase " + std::to_string(phase) + ": ";
  s += std::to_string(pending) + " of " + std::to_string(expected) + " arrivals and ";
  s += std::to_string(tx) + " bytes are still to come";
  if (pending == 0 && tx && cta->cluster->async.empty())
    s += tx > 0 ? " (expect_tx announced " + std::to_string(tx) + " bytes more than the copies bring)"
                : " (the copies brought " + std::to_string(-int64_t(tx)) + " bytes more than expect_tx announced)";
  if (last && last->info->text)
    s += ", last " + last->info->text->op.text + " at PTX line " + std::to_string(last->info->text->line) + " by warp " +
         std::to_string(last_warp) + (cta->cluster->ctas.size() > 1 ? " of CTA rank " + std::to_string(last_rank) : "");
  return s;
}

Mbarrier& mbarrier_at(Warp& w, const Instr& in, unsigned lane, uint64_t address) {
  check_place(w, in, lane, address);
  Cluster& c = *w.cta->cluster;
  auto it = c.mbarriers.find(address);
  if (it == c.mbarriers.end() || !it->second->live)
    trap(w, in, lane, "there is no initialised mbarrier at shared address " + hex(address));
  Mbarrier& b = *it->second;
  if (b.cta != w.cta && b.cta->done())
    trap(w, in, lane, Trap::illegal_address,
         "use of the mbarrier at shared " + hex(b.offset) + " of CTA rank " + std::to_string(b.cta->rank) +
             ", which has exited");
  uint64_t v;
  std::memcpy(&v, bytes_of(b), sizeof v);
  if (v != image_of(b))
    trap(w, in, lane, "the bytes of the mbarrier at shared address " + hex(address) +
                          " were overwritten since its last use");
  if (c.order.on()) {
    const Agent& a = c.order.agent(w);
    const bool met = c.barrier && c.barrier->phases > b.cluster_phase;
    if (!met && b.init.dim != a.dim && a.known.seen.at(b.init.dim) < b.init.count)
      trap(w, in, lane, Trap::race, "use of the mbarrier at shared address " + hex(address) +
                                        " by a warp that no barrier orders after its mbarrier.init");
  }
  return b;
}

void mbarrier_init(Warp& w, const Instr& in, unsigned lane, uint64_t address, uint32_t count) {
  check_place(w, in, lane, address);
  Cluster& c = *w.cta->cluster;
  if (count < 1 || count > Mbarrier::MAX_COUNT)
    trap(w, in, lane, "an mbarrier counts 1 to 1048575 arrivals, found " + std::to_string(count));
  resolve(w, in, lane, Space::shared, address, 8, 8, Access::write);
  auto& place = c.mbarriers[address];
  if (!place) place = std::make_unique<Mbarrier>();
  Mbarrier& b = *place;
  b.cta = c.owner(address);
  b.offset = uint32_t(address & 0xffffff);
  if (b.live && (b.pending != b.expected || b.tx != 0))
    trap(w, in, lane, "mbarrier.init of an object in use: " + b.describe());
  b.before += b.phase + (b.dim ? 1 : 0);
  b.live = true, b.expected = b.pending = count, b.phase = 0, b.tx = 0;
  b.arriving.clear(), b.done.clear();
  b.next.assign(b.cta->warps.size(), 0), b.last = b.last_expect = nullptr;
  if (c.order.on()) {
    if (!b.dim) b.dim = c.order.new_dim("the mbarrier at shared " + hex(b.offset));
    const Agent& a = c.order.agent(w);
    b.init = {a.dim, a.now};
    // only for a warp that has published others before: one that never does has forgotten the fence
    b.cluster_phase = c.barrier && a.published.seen.at(a.dim) ? c.barrier->phases : ~uint64_t(0);
    b.done.seen.raise(b.dim, b.before);
  }
  store_image(b);
}

void mbarrier_inval(Warp& w, const Instr& in, unsigned lane, uint64_t address) {
  Mbarrier& b = mbarrier_at(w, in, lane, address);
  if (b.pending != b.expected || b.tx != 0)
    trap(w, in, lane, "mbarrier.inval of an object in use: " + b.describe());
  b.live = false;
}

void mbarrier_arrive(Warp& w, const Instr& in, unsigned lane, Mbarrier& b, uint32_t count, bool drop,
                     const Sync* from) {
  Order& order = b.cta->cluster->order;
  if (count < 1 || count > b.pending) {
    const std::string what = "arrival of " + std::to_string(count) + " at the " + b.describe();
    // The tensor core has read what this very phase brings, so that it was taken for complete.
    if (const std::string race = order.raced_with(b.current()); !race.empty())
      trap(w, in, lane, Trap::race, race + "; then " + what);
    trap(w, in, lane, what);
  }
  if (from)
    b.arriving.join(*from);
  else
    order.release(w, b.arriving);
  note(b, w, in);
  b.pending -= count;
  if (drop) b.expected -= count;
  turn_over(b);
}

void mbarrier_expect_arrival(Warp& w, const Instr& in, unsigned lane, Mbarrier& b) {
  if (b.pending == Mbarrier::MAX_COUNT)
    trap(w, in, lane, "an mbarrier counts at most 1048575 pending arrivals; " + b.describe());
  ++b.pending;
  store_image(b);
}

void mbarrier_expect_tx(Warp& w, const Instr& in, unsigned lane, Mbarrier& b, uint32_t bytes) {
  if (int64_t(b.tx) + bytes > Mbarrier::MAX_TX)
    trap(w, in, lane, "expect_tx of " + std::to_string(bytes) + " bytes: the tx-count of an mbarrier is at most 1048575; " +
                          b.describe());
  note(b, w, in);
  b.expecting = &w, b.last_expect = &in, b.expecting_lane = lane;
  b.tx += int32_t(bytes);
  turn_over(b);
}

void mbarrier_complete_tx(Warp& w, const Instr& in, unsigned lane, Mbarrier& b, uint32_t bytes,
                          const Event* issued_in, const Sync* from) {
  if (issued_in && issued_in->dim && issued_in->count != b.current().count)
    trap(w, in, lane, Trap::race,
         std::to_string(bytes) + " bytes complete in another phase of their mbarrier than they were issued in: its "
         "expect_tx announced fewer bytes than the copies bring; " + b.describe());
  if (int64_t(b.tx) - bytes < -int64_t(Mbarrier::MAX_TX))
    trap(w, in, lane, "complete_tx of " + std::to_string(bytes) +
                          " bytes: the tx-count of an mbarrier is at least -1048575; " + b.describe());
  if (from) b.arriving.join(*from);
  note(b, w, in);
  b.tx -= int32_t(bytes);
  turn_over(b);
}

bool mbarrier_test(Warp& w, const Instr& in, Mbarrier& b, bool parity, bool relaxed, bool let_go) {
  bool complete = b.complete(parity);
  if (!complete && !let_go) return false;
  Cluster& c = *b.cta->cluster;
  if (relaxed)
    c.order.acquire_relaxed(w, b.done);
  else
    c.order.acquire(w, b.done);
  uint32_t of = b.awaited(w.index, parity);
  if (of < b.phase) {
    b.next[w.index] = of + 1;
    // A warp that meant this phase would have hung, or would have taken another phase for its own, had it come a
    // little later. Operations that take no time (eager) show it; so does a warp that is held up for long.
    if (!complete || (b.phase - of > 2 && c.async.policy() == AsyncPolicy::eager)) {
      const auto* text = in.info->text;
      c.launch->lint("lapped by two phases: " + (text ? text->op.text : "a wait") + " at PTX line " +
                     std::to_string(text ? text->line : 0) + " (warp " + std::to_string(w.index) +
                     ") waits for a phase of the mbarrier at shared " + hex(b.offset) +
                     " that had completed, and the next one as well, before it ran");
    }
  }
  return true;
}

}  // namespace sim
