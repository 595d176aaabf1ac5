// For who counts a thing or two and needs no more of profile.h.
#pragma once
#include "warp.h"

namespace sim {

// Multiply-adds of a tcgen05.mma, by the kind that its opcode names. Nothing unless the launch is profiled.
void count_multiply_adds(const Warp& w, const Instr& in, uint64_t n);

// Bytes of global memory that a bulk or tensor copy reads, for the count of distinct ones.
void count_global_read(const Warp& w, uint64_t address, uint64_t bytes);

}  // namespace sim
