// PTX ISA 9.7.13.4 membar and fence. What a fence does to values is nothing, for every access here is done when its
// instruction is: host fences keep clusters on other cores in step. What it does to the order of accesses
// (Order) is all: a relaxed arrival carries what a fence before it published, a relaxed wait counts from the fence
// behind it, and the async proxy sees generic writes that a proxy fence lies behind.
#include <atomic>

#include "../machine/access.h"
#include "../machine/cluster.h"
#include "../machine/windows.h"
#include "chapters.h"
#include "select.h"
#include "tensor_map.h"

namespace sim::fence_chapter {
namespace {

enum Does : uint64_t { ACQUIRES = 1, RELEASES = 2, TOTAL = 4, TO_ASYNC = 8 };

void fence(Warp& w, const Instr& in) {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  Cluster& c = *w.cta->cluster;
  c.order.fence(w, in.aux & ACQUIRES, in.aux & RELEASES);
  if (in.aux & TOTAL) {  // fences that are sc see one another in the order in which they ran
    c.order.acquire(w, c.global_sync);
    c.order.release(w, c.global_sync);
  }
  if (in.aux & TO_ASYNC) c.order.fence_proxy_async(w);
}

bool scoped(const Form& f) { return f.has("cta") || f.has("cluster") || f.has("gpu") || f.has("sys"); }

// fence{.sem}.scope · fence.acquire.sync_restrict::shared::cluster.cluster · fence.release.sync_restrict::shared::cta
// .cluster. The restriction to shared memory is not used: global memory has one order here anyhow.
Handler select_fence(Form& f) {
  if (!scoped(f)) return nullptr;
  bool acquire = f.has("acquire"), release = f.has("release");
  if ((f.has("sync_restrict::shared::cluster") && !(acquire && f.has("cluster"))) ||
      (f.has("sync_restrict::shared::cta") && !(release && f.has("cluster"))))
    return nullptr;
  f.aux = acquire ? ACQUIRES : release ? RELEASES : ACQUIRES | RELEASES;
  if (f.has("sc")) f.aux |= TOTAL;
  return fence;
}
// membar is fence.sc since sm_70.
Handler select_membar(Form& f) {
  f.aux = ACQUIRES | RELEASES | TOTAL;
  return fence;
}
// Publishes the inits of the thread. That it publishes more here can hide a fault, never make one up.
Handler select_mbarrier_init(Form& f) {
  f.aux = RELEASES;
  return f.has("release") && f.has("cluster") ? fence : nullptr;
}

// fence.proxy.alias: one location has one address here, so there is nothing to order.
// fence.proxy.async.global: the order of accesses to global memory is not followed.
void nothing(Warp&, const Instr&) {}
Handler select_proxy(Form& f) {
  if (f.has("alias")) return nothing;
  if (f.has("async")) {
    f.aux = TO_ASYNC;
    return f.has("global") ? nothing : fence;
  }
  bool acquire = f.has("acquire") && f.has("sync_restrict::shared::cluster"),
       release = f.has("release") && f.has("sync_restrict::shared::cta");
  if (!f.has("async::generic") || acquire == release || !f.has("cluster")) return nullptr;
  f.aux = TO_ASYNC | (acquire ? ACQUIRES : RELEASES);
  return fence;
}

// fence.proxy.tensormap::generic.release.scope · .acquire.scope [a], 128: a tensor copy of the CTA that uses the map
// there without it is a fault where the launch has changed the map.
void tensormap(Warp& w, const Instr& in) {
  const uint64_t* a = w.op<uint64_t>(in, 0);
  for (uint32_t m = w.exec; m; m &= m - 1) {
    unsigned l = unsigned(__builtin_ctz(m));
    uint64_t at = a[l] + uint64_t(int64_t(in.offset[0]));
    Window win;
    if (space_of_generic(at) != Space::global || !find_window(w, in, Space::global, at, 128, win))
      out_of_bounds(w, in, l, Space::global, at, 128, Access::read);
    acquire_tensor_map(w, at);
  }
  fence(w, in);
}
Handler select_tensormap(Form& f) {
  bool acquire = f.has("acquire");
  if (!scoped(f) || acquire == f.has("release") || f.operand.size() != (acquire ? 2 : 0)) return nullptr;
  f.aux = acquire ? ACQUIRES : RELEASES;
  if (!acquire) return fence;
  if (f.operand[1].kind != Flat::imm || f.operand[1].value != 128 || f.operand[0].bits != 64) return nullptr;
  return tensormap;
}

}  // namespace

void add_rows(Rows& rows) {
  const char* MEMBAR = "#parallel-synchronization-and-communication-instructions-membar";
  constexpr Pattern NONE{0, 0, 0}, ZERO_OR_TWO{0, 2, 0};
  constexpr Scope L = Scope::LANE;
  const char* proxy =
      "alias|async|async::generic|acquire|release|cluster|global|shared::cta|shared::cluster|sync_restrict::*";
  const char* sem = "sc|acq_rel|acquire|release|cta|cluster|gpu|sys|sync_restrict::*";
  const char* map = "acquire|release|cta|cluster|gpu|sys";
  // clang-format off
  //        name                                types    modifiers          operands     scope select                anchor
  rows.add({"membar",                           NO_TYPE, "cta|gl|sys",      NONE,        L,    select_membar,        MEMBAR});
  rows.add({"membar.proxy",                     NO_TYPE, proxy,             NONE,        L,    select_proxy,         MEMBAR});
  rows.add({"fence",                            NO_TYPE, sem,               NONE,        L,    select_fence,         MEMBAR});
  rows.add({"fence.mbarrier_init",              NO_TYPE, "release|cluster", NONE,        L,    select_mbarrier_init, MEMBAR});
  rows.add({"fence.proxy",                      NO_TYPE, proxy,             NONE,        L,    select_proxy,         MEMBAR});
  rows.add({"fence.proxy.tensormap::generic",   NO_TYPE, map,               ZERO_OR_TWO, L,    select_tensormap,     MEMBAR});
  // clang-format on
}

}  // namespace sim::fence_chapter
