// mbarrier objects in shared memory (PTX ISA #parallel-synchronization-and-communication-instructions-mbarrier).
#pragma once
#include <cstdint>

namespace ptx {

// Address in the shared window, which is what every instruction here takes.
__device__ __forceinline__ uint32_t shared(const void* p) {
  return static_cast<uint32_t>(__cvta_generic_to_shared(p));
}

__device__ __forceinline__ void mbarrier_init(uint64_t* bar, uint32_t count) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared(bar)), "r"(count) : "memory");
}

// Makes initialised barriers visible to the cluster and to the async proxy; a barrier of the threads follows.
__device__ __forceinline__ void fence_mbarrier_init() {
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}

__device__ __forceinline__ void mbarrier_arrive(uint64_t* bar) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(shared(bar)) : "memory");
}

// The same on a barrier of any CTA of the cluster, at its address there: what this thread knows is known to who waits for the cluster.
__device__ __forceinline__ void mbarrier_arrive_cluster(uint32_t bar) {
  asm volatile("mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%0];" ::"r"(bar) : "memory");
}

// Arrives, and lets the phase wait for `bytes` of copies too.
__device__ __forceinline__ void mbarrier_arrive_expect_tx(uint64_t* bar, uint32_t bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared(bar)), "r"(bytes) : "memory");
}

// Waits until the phase of this parity is complete. A fresh barrier passes parity 1.
__device__ __forceinline__ void mbarrier_wait(uint64_t* bar, uint32_t parity) {
  asm volatile(
      "{\n\t.reg .pred p;\n"
      "W%=:\n\tmbarrier.try_wait.parity.shared::cta.b64 p, [%0], %1;\n\t@!p bra W%=;\n\t}"
      ::"r"(shared(bar)), "r"(parity) : "memory");
}
// The same, for what other CTAs of the cluster did before they arrived.
__device__ __forceinline__ void mbarrier_wait_cluster(uint64_t* bar, uint32_t parity) {
  asm volatile(
      "{\n\t.reg .pred p;\n"
      "W%=:\n\tmbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 p, [%0], %1;\n\t@!p bra W%=;\n\t}"
      ::"r"(shared(bar)), "r"(parity) : "memory");
}

// Stage and parity of a ring of `n` barriers, taken in turn by a producer and a consumer.
struct Ring {
  uint32_t stage = 0, parity = 0;
  __device__ __forceinline__ void next(uint32_t n) {
    if (++stage == n) stage = 0, parity ^= 1;
  }
};

}  // namespace ptx
