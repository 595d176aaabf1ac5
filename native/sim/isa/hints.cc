// Instructions that hint and change no value here. Each is a row, so that it is a decision and not an
// omission.
//  * Caches do not exist: prefetch, cache policies, discard and applypriority have no effect (discard leaves
//  the bytes as they are, which
//    is one of the outcomes PTX allows).
#include "chapters.h"
#include "select.h"

namespace sim::hints_chapter {
namespace {

void nothing(Warp&, const Instr&) {}
// A policy is an opaque 64-bit value that only cache hints read.
void policy(Warp& w, const Instr& in) {
  uint64_t t[LANES] = {};
  blend(w.op<uint64_t>(in, 0), t, w.exec);
}
}  // namespace

#define PTX_MOVE(name) "#data-movement-and-conversion-instructions-" name
void add_rows(Rows& rows) {
  constexpr Scope L = Scope::LANE;
  constexpr Pattern ONE{1, 1, 0}, ONE_OR_TWO{1, 2, 0}, POLICY{1, 4, 1};
  constexpr TypeSet b64 = types({Type::b64});
  constexpr const char* levels = "L1|L2|global|local|const|param|tensormap|L2::evict_last|L2::evict_normal";
  constexpr const char* priorities =
      "range|fractional|cvt|global|L2|L2::evict_last|L2::evict_normal|L2::evict_first|L2::evict_unchanged";
  // clang-format off
  //        name                   types    modifiers          operands    scope select           anchor
  rows.add({"prefetch",            NO_TYPE, levels,            ONE,        L, always<nothing>, PTX_MOVE("prefetch-prefetchu")});
  rows.add({"prefetchu",           NO_TYPE, levels,            ONE,        L, always<nothing>, PTX_MOVE("prefetch-prefetchu")});
  rows.add({"discard",             NO_TYPE, levels,            ONE_OR_TWO, L, always<nothing>, PTX_MOVE("discard")});
  rows.add({"applypriority",       NO_TYPE, levels,            ONE_OR_TWO, L, always<nothing>, PTX_MOVE("applypriority")});
  rows.add({"createpolicy",        b64,     priorities,        POLICY,     L, always<policy>,  PTX_MOVE("createpolicy")});
  // clang-format on
}
#undef PTX_MOVE

}  // namespace sim::hints_chapter
