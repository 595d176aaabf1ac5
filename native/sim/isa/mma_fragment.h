// The fragments of one m16n8 tile, which mma.sync and wgmma share: lane 4g + t holds C and D at rows g (registers 0, 1)
// and g + 8 (2, 3), columns 2t and 2t + 1; f16 packs the two columns in one register.
#pragma once
#include "../machine/lane.h"
#include "../numerics/mma_tile.h"
#include "../parse/ptx.h"

namespace sim {

// nullptr for a type that is no float of a matrix.
Expand expand_of(ptx::Type t);
Element element_of(ptx::Type t);  // of those with an Expand

// C as four registers of floats from the f32 or f16 registers that begin at flat operand `first`, and D back.
void read_tile(Warp& w, const Instr& in, unsigned first, bool half, Lanes32* c);
void write_tile(Warp& w, const Instr& in, unsigned first, bool half, const Lanes32* d);

// A sum of integers in 32 bits: wrapped, or clamped by .satfinite.
inline uint32_t in_32_bits(int64_t sum, bool clamp) {
  return uint32_t(!clamp ? sum : sum < INT32_MIN ? INT32_MIN : sum > INT32_MAX ? INT32_MAX : sum);
}

}  // namespace sim
