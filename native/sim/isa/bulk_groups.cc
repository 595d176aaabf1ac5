// Bulk groups and the completion of bulk copies.
// PTX ISA 9.7.9.25.6 #data-movement-and-conversion-instructions-bulk-tensor-copy-completion
#include "bulk.h"
#include "../machine/program.h"
#include "chapters.h"
#include "select.h"

namespace sim {

namespace {

BulkGroups& groups_of(Warp& w) {
  if (!w.bulk) w.bulk = std::make_shared<BulkGroups>(), w.bulk->index = w.index;
  return *w.bulk;
}

// One of the two moments of a bulk_group operation: its source has been read; its destination has been written.
struct Half : AsyncOp {
  std::shared_ptr<BulkWork> work;
  std::shared_ptr<BulkGroups> groups;
  uint32_t number;
  bool second;
  Half(std::shared_ptr<BulkWork> what, std::shared_ptr<BulkGroups> in_groups, uint32_t n, bool writes)
      : AsyncOp(what->warp, what->instr, what->lane),
        work(std::move(what)),
        groups(std::move(in_groups)),
        number(n),
        second(writes) {}
  void complete() override {
    Cluster& c = *warp.cta->cluster;
    if (second) {
      work->write();
      --groups->number(lane, number).unwritten;
    } else {
      if (warp.cta->done()) not_waited_for();
      work->read();
      --groups->number(lane, number).unread;
      c.async.issue(std::make_unique<Half>(work, groups, number, true));
    }
    c.wake(*groups);
  }
  // No fault: right kernels do it, and the hardware keeps the shared memory until the copy has read it.
  void not_waited_for() {
    const ptx::Instruction* text = instr.info->text;
    warp.cta->launch->lint("a CTA exits without cp.async.bulk.wait_group.read for " + text->op.text + " at PTX line " +
                           std::to_string(text->line) + ": it may still read the CTA's shared memory");
  }
};

}  // namespace

std::string BulkGroups::describe() const {
  uint32_t reading = 0, writing = 0;
  for (const auto& lane : groups)
    for (const Group& g : lane) reading += g.unread, writing += g.unwritten;
  return "bulk groups of warp " + std::to_string(index) + ": " + std::to_string(reading) +
         " operations still read and " + std::to_string(writing) + " still write";
}

void issue_to_group(std::shared_ptr<BulkWork> work, uint64_t source, uint32_t bytes) {
  Warp& w = work->warp;
  BulkGroups& g = groups_of(w);
  Cluster& c = *w.cta->cluster;
  shared_window(w, work->instr, work->lane, source, bytes, Access::read);
  if (c.owner(source) != w.cta)
    trap(w, work->instr, work->lane, "the source of a bulk copy out of shared memory lies in the executing CTA, found " +
                                         hex(source));
  const Event e = c.order.open_bulk(w);
  c.order.async_read(w, work->instr, work->lane, *w.cta, uint32_t(source & 0xffffff), bytes, e);
  const uint32_t number = g.open(work->lane);
  BulkGroups::Group& group = g.number(work->lane, number);
  ++group.unread, ++group.unwritten;
  group.event = e.count;
  c.async.issue(std::make_unique<Half>(std::move(work), w.bulk, number, false));
}

Window shared_window(Warp& w, const Instr& in, unsigned lane, uint64_t a, uint64_t bytes, Access access) {
  Window win;
  if (bytes && !find_window(w, in, Space::shared, a, bytes, win))
    out_of_bounds(w, in, lane, Space::shared, a, bytes, access);
  return win;
}

void check_sixteens(Warp& w, const Instr& in, unsigned lane, uint64_t to, uint64_t from, uint32_t bytes) {
  for (uint64_t a : {to, from})
    if (a % 16)
      trap(w, in, lane, Trap::misaligned, "the addresses of a bulk copy are multiples of 16, found " + hex(a));
  if (bytes % 16)
    trap(w, in, lane, "a bulk copy moves a multiple of 16 bytes, found " + std::to_string(bytes));
}

// PTX 9.1 #data-movement-and-conversion-instructions-cp-async-bulk-tensor on .multicast::cluster and .cta_group: the
// destination and the mbarrier are at the same offsets in each CTA of the mask; with .cta_group::2 the signal goes to
// that CTA of each destination's pair whose rank is even or odd as the given mbarrier's.
std::vector<Target> targets_of(Warp& w, const Instr& in, unsigned lane, uint64_t to, uint64_t barrier,
                               const Destination& d) {
  const uint64_t to_rank = to >> 24, barrier_rank = barrier >> 24;
  if (!d.multicast) {
    if (d.own_cta && to_rank != w.cta->rank)
      trap(w, in, lane, "a destination in .shared::cta lies in the executing CTA, of rank " +
                            std::to_string(w.cta->rank) + ", found one of rank " + std::to_string(to_rank));
    const uint64_t differ = to_rank ^ barrier_rank;
    if (differ > (d.pair ? 1 : 0))
      trap(w, in, lane, std::string("the mbarrier of a copy lies in the CTA of its destination") +
                            (d.pair ? " or in that one's peer" : "") + ", found destination rank " +
                            std::to_string(to_rank) + " and mbarrier rank " + std::to_string(barrier_rank));
    return {{to, barrier, {}}};
  }
  std::vector<Target> out;
  const uint64_t n = w.cta->cluster->ctas.size();
  if (d.mask >> n)
    trap(w, in, lane, "a multicast mask names CTAs of the cluster's " + std::to_string(n) + ", found " + hex(d.mask));
  for (uint64_t r = 0; r < n; ++r)
    if (d.mask >> r & 1) {
      const uint64_t hears = d.pair ? (r & ~uint64_t(1)) | (barrier_rank & 1) : r;
      out.push_back({r << 24 | (to & 0xffffff), hears << 24 | (barrier & 0xffffff), {}});
    }
  return out;
}

void note_target(Warp& w, const Instr& in, unsigned lane, Target& t, uint32_t bytes, bool reduces) {
  Cluster& c = *w.cta->cluster;
  shared_window(w, in, lane, t.to, bytes, Access::write);
  t.event = mbarrier_at(w, in, lane, t.barrier).current();
  c.order.async_write(w, in, lane, *c.owner(t.to), uint32_t(t.to & 0xffffff), bytes, t.event, reduces);
}

void complete_target(const AsyncOp& op, const Target& t, uint32_t bytes) {
  Mbarrier& b = mbarrier_at(op.warp, op.instr, op.lane, t.barrier);
  mbarrier_complete_tx(op.warp, op.instr, op.lane, b, bytes, &t.event);
}

namespace bulk_groups_chapter {
namespace {

// A group that nobody issued anything to is complete at once.
void commit(Warp& w, const Instr&) {
  BulkGroups& g = groups_of(w);
  for (uint32_t m = w.exec; m; m &= m - 1) g.groups[__builtin_ctz(m)].emplace_back();
  w.cta->cluster->order.commit_bulk(w);
}

// Instr::aux: how many of the latest groups may stay open.
template <bool READ>
void wait_group(Warp& w, const Instr& in) {
  w.state->path().token = 0;
  if (!w.bulk) return;
  BulkGroups& g = *w.bulk;
  Order& order = w.cta->cluster->order;
  uint32_t event = 0;
  for (uint32_t m = w.exec; m; m &= m - 1) {
    const unsigned l = unsigned(__builtin_ctz(m));
    const auto& lane = g.groups[l];
    for (size_t k = 0; k + 1 + in.aux < lane.size(); ++k) {
      if (READ ? lane[k].unread : lane[k].unwritten) return park_on(w, in, g);
      event = std::max(event, lane[k].event);
    }
  }
  for (uint32_t m = w.exec; m; m &= m - 1) {  // forget what is over
    const unsigned l = unsigned(__builtin_ctz(m));
    auto& lane = g.groups[l];
    while (lane.size() > 1 + in.aux && !lane.front().unread && !lane.front().unwritten) lane.pop_front(), ++g.first[l];
  }
  if (order.on() && event && order.agent(w).bulk >= event) order.wait_bulk(w, order.agent(w).bulk - event);
}
Handler wait(Form& f) {
  if (f.operand.at(0).kind != Flat::imm) return nullptr;
  f.aux = f.operand[0].value;
  f.may_block = true;
  return f.has("read") ? wait_group<true> : wait_group<false>;
}

}  // namespace

#define PTX(name) "#data-movement-and-conversion-instructions-cp-async-bulk-" name
void add_rows(Rows& rows) {
  constexpr Scope A = Scope::ASYNC;
  constexpr Pattern NONE{0, 0, 0}, N{1, 1, 0};
  // clang-format off
  //        name                         types    modifiers operands scope select          anchor
  rows.add({"cp.async.bulk.commit_group", NO_TYPE, "",     NONE, A, always<commit>, PTX("commit-group")});
  rows.add({"cp.async.bulk.wait_group",   NO_TYPE, "read", N,    A, wait,           PTX("wait-group")});
  // clang-format on
}
#undef PTX

}  // namespace bulk_groups_chapter
}  // namespace sim
