// Completion of cp.async, for whoever waits for it: the rows of cp_async.cc, and the mbarrier that
// cp.async.mbarrier.arrive signals.
#pragma once
#include "../machine/warp.h"

namespace sim {

// Carries out every copy that these lanes have issued, committed or not.
void complete_copies(Warp& w, uint32_t lanes);

}  // namespace sim
