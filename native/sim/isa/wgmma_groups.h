// What a warp knows of its wgmma groups.
#pragma once
#include <deque>

#include "../machine/cluster.h"

namespace sim {

struct WgmmaGroups {
  Event last;                   // of the tensor core
  std::deque<Event> committed;  // one a group that nobody has waited for
  uint64_t waited_for = 0;      // groups
  static WgmmaGroups& of(Warp& w) {
    if (!w.wgmma) w.wgmma = std::make_shared<WgmmaGroups>();
    return *w.wgmma;
  }
};

}  // namespace sim
