// Instructions that the machine knows and does not execute: a row whose handler is a trap that says why. They
// are counted apart from those that have no row at all.
#pragma once
#include "../machine/row.h"

namespace sim {

// Instr::aux holds the reason, a string that lives for ever.
void refuse(Warp& w, const Instr& in);

template <const char* const& REASON>
Handler refused(Form& f) {
  f.aux = reinterpret_cast<uintptr_t>(REASON);
  return refuse;
}
// The reason of a form that is refused, else nullptr.
inline const char* reason_of(Handler fn, uint64_t aux) {
  return fn == refuse ? reinterpret_cast<const char*>(aux) : nullptr;
}

}  // namespace sim
