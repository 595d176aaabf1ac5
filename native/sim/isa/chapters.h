// One name a chapter file: <name>.cc defines void <name>_rows(Rows&).
#pragma once
#include "../machine/row.h"

#define SIM_CHAPTERS(X) \
  X(integer)            \
  X(integer_bits)       \
  X(carry)              \
  X(float)              \
  X(approx)             \
  X(half)               \
  X(compare)            \
  X(logic)              \
  X(move)               \
  X(convert)            \
  X(convert_packed)     \
  X(warp)               \
  X(atomic)             \
  X(cp_async)           \
  X(bulk)               \
  X(bulk_groups)        \
  X(bulk_reduce)        \
  X(tensor_copy)        \
  X(ldmatrix)           \
  X(mma)                \
  X(hints)              \
  X(control)            \
  X(memory)             \
  X(address)            \
  X(barrier)

namespace sim {
#define SIM_DECLARE(name) void name##_rows(Rows&);
SIM_CHAPTERS(SIM_DECLARE)
#undef SIM_DECLARE
}  // namespace sim
