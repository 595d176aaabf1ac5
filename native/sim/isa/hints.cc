// Instructions that order or hint and change no value here. Each is a row, so that it is a decision and not an omission.
//  * Fences: warps of the machine see one another's writes in program order, which is stronger than any fence asks for. What a fence
//    orders is therefore not modelled here; missing ones are a checker's business.
//  * Caches do not exist: prefetch, cache policies, discard and applypriority have no effect (discard leaves the bytes as they are, which
//    is one of the outcomes PTX allows).
//  * Grids run one after the other: griddepcontrol.wait has nothing to wait for.
#include "chapters.h"
#include "select.h"

namespace sim {
namespace {

void nothing(Warp&, const Instr&) {}
// A policy is an opaque 64-bit value that only cache hints read.
void policy(Warp& w, const Instr& in) {
  uint64_t t[LANES] = {};
  blend(w.op<uint64_t>(in, 0), t, w.exec);
}
// Lets other warps go first.
Handler yielding(Form& f) {
  f.may_block = true;
  return nothing;
}

}  // namespace

void hints_rows(Rows& rows) {
  constexpr Scope L = Scope::LANE;
  constexpr Pattern NONE{0, 0, 0}, SOME{0, 2, 0}, ONE{1, 1, 0}, ONE_OR_TWO{1, 2, 0}, POLICY{1, 4, 1};
  constexpr TypeSet b64 = types({Type::b64}), u32 = types({Type::u32});
  constexpr const char* levels = "L1|L2|global|local|const|param|tensormap|L2::evict_last|L2::evict_normal";
  constexpr const char* priorities =
      "range|fractional|cvt|global|L2|L2::evict_last|L2::evict_normal|L2::evict_first|L2::evict_unchanged";
  constexpr const char* fences = "sc|acq_rel|acquire|release|cta|cluster|gpu|sys|gl|mbarrier_init|proxy|alias|async|async.global|global|"
                                 "shared::cta|shared::cluster|async::generic|tensormap::generic|sync_restrict::*";
  //        name              types    modifiers   operands    scope select            anchor
  rows.add({"fence",          NO_TYPE, fences,     SOME,       L,    always<nothing>,  "#parallel-synchronization-and-communication-instructions-membar"});
  rows.add({"membar",         NO_TYPE, fences,     NONE,       L,    always<nothing>,  "#parallel-synchronization-and-communication-instructions-membar"});
  rows.add({"prefetch",       NO_TYPE, levels,     ONE,        L,    always<nothing>,  "#data-movement-and-conversion-instructions-prefetch-prefetchu"});
  rows.add({"prefetchu",      NO_TYPE, levels,     ONE,        L,    always<nothing>,  "#data-movement-and-conversion-instructions-prefetch-prefetchu"});
  rows.add({"discard",        NO_TYPE, levels,     ONE_OR_TWO, L,    always<nothing>,  "#data-movement-and-conversion-instructions-discard"});
  rows.add({"applypriority",  NO_TYPE, levels,     ONE_OR_TWO, L,    always<nothing>,  "#data-movement-and-conversion-instructions-applypriority"});
  rows.add({"createpolicy",   b64,     priorities, POLICY,     L,    always<policy>,   "#data-movement-and-conversion-instructions-createpolicy"});
  rows.add({"nanosleep",      u32,     "",         ONE,        L,    yielding,         "#miscellaneous-instructions-nanosleep"});
  rows.add({"griddepcontrol", NO_TYPE, "launch_dependents|wait", NONE, L, always<nothing>, "#parallel-synchronization-and-communication-instructions-griddepcontrol"});
  rows.add({"pmevent",        NO_TYPE, "mask",     ONE,        L,    always<nothing>,  "#miscellaneous-instructions-pmevent"});
}

}  // namespace sim
