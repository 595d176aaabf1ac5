// Atomics on global memory (PTX ISA #parallel-synchronization-and-communication-instructions-atom).
#pragma once
#include <cstdint>

namespace ptx {

// Counts from 0 to `last` and then from 0 again; what the count was before. Of all threads of the device that count here, a later one knows
// what an earlier one knew.
__device__ __forceinline__ uint32_t count_in_turn(uint32_t* counter, uint32_t last) {
  uint32_t before;
  asm volatile("atom.acq_rel.gpu.global.inc.u32 %0, [%1], %2;"
               : "=r"(before)
               : "l"(__cvta_generic_to_global(counter)), "r"(last)
               : "memory");
  return before;
}

}  // namespace ptx
