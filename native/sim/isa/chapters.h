// One name a chapter file: <name>.cc defines void <name>_rows(Rows&).
#pragma once
#include "../machine/row.h"

#define SIM_CHAPTERS(X) \
  X(control)            \
  X(memory)             \
  X(barrier)

namespace sim {
#define SIM_DECLARE(name) void name##_rows(Rows&);
SIM_CHAPTERS(SIM_DECLARE)
#undef SIM_DECLARE
}  // namespace sim
