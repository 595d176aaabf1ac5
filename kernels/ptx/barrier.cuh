// Barriers of some of a CTA's threads (PTX ISA #parallel-synchronization-and-communication-instructions-bar).
#pragma once
#include <cstdint>

namespace ptx {

// `threads` of the CTA, a multiple of 32, meet at barrier `id`, 1 to 15 (0 is __syncthreads').
__device__ __forceinline__ void named_barrier(uint32_t id, uint32_t threads) {
  asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

}  // namespace ptx
