// PTX ISA 9.7.15.7 wgmma.fence, commit_group and wait_group. A product is carried out when it is issued, so these change what a
// warp knows of its order only.
#include "chapters.h"
#include "select.h"
#include "wgmma_groups.h"

namespace sim {
namespace {

void nothing(Warp&, const Instr&) {}
void commit(Warp& w, const Instr&) {
  WgmmaGroups& g = WgmmaGroups::of(w);
  g.committed.push_back(g.last);
}
// Waits until at most N of the latest groups are in flight; they are done, so only what the warp knows changes.
void wait_group(Warp& w, const Instr& in) {
  WgmmaGroups& g = WgmmaGroups::of(w);
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
void wgmma_sync_rows(Rows& rows) {
  constexpr Scope G = Scope::WARPGROUP;
  constexpr Pattern NONE{0, 0, 0}, N{1, 1, 0};
  // clang-format off
  //        name                               types    modifiers             operands scope select           anchor
  rows.add({"wgmma.fence.sync.aligned",        NO_TYPE, "",                   NONE,    G, always<nothing>, PTX("fence")});
  rows.add({"wgmma.commit_group.sync.aligned", NO_TYPE, "",                   NONE,    G, always<commit>,  PTX("commit-group")});
  rows.add({"wgmma.wait_group.sync.aligned",   NO_TYPE, "",                   N,       G, wait,            PTX("wait-group")});
  // clang-format on
}

}  // namespace sim
