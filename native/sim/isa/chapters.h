// One name a chapter file: <name>.cc defines sim::<name>_chapter::add_rows(Rows&).
#pragma once
#include "../machine/row.h"

// clang-format off
#define SIM_CHAPTERS(X) \
  X(integer) \
  X(integer_bits) \
  X(video) \
  X(carry) \
  X(float) \
  X(approx) \
  X(half) \
  X(compare) \
  X(logic) \
  X(move) \
  X(convert) \
  X(convert_packed) \
  X(convert_scaled) \
  X(warp) \
  X(atomic) \
  X(cp_async) \
  X(bulk) \
  X(bulk_groups) \
  X(bulk_reduce) \
  X(tensor_copy) \
  X(tensor_map) \
  X(ldmatrix) \
  X(mma) \
  X(wgmma) \
  X(wgmma_sync) \
  X(wmma) \
  X(hints) \
  X(control) \
  X(stack) \
  X(memory) \
  X(address) \
  X(barrier) \
  X(mbarrier) \
  X(refused) \
  X(tcgen05_tmem) \
  X(tcgen05_ldst) \
  X(tcgen05_sync) \
  X(tcgen05_mma) \
  X(fence) \
  X(cluster) \
  X(cluster_async) \
  X(cluster_launch) \
  X(tcgen05_cp) \

// clang-format on

#define SIM_DECLARE(name) namespace sim::name##_chapter { void add_rows(Rows&); }
SIM_CHAPTERS(SIM_DECLARE)
#undef SIM_DECLARE
