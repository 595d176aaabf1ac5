// Who goes on when all have stored: CTAs or clusters of a launch come here one by one, and the last sees what the others have left in
// global memory. The counter is zero again when the last has come, so launches may follow one another. What is read then must not come
// through the cache of constant data (ld.global.nc), which no order of accesses concerns: its pointer is one that the kernel writes by.
#pragma once
#include "kernels/ptx/atomic.cuh"
#include "kernels/ptx/cluster.cuh"

namespace arrival {

// Whether this CTA is the last of `n` that come.
__device__ __forceinline__ bool last_cta(uint32_t* counter, uint32_t n) {
  __shared__ bool last;
  __syncthreads();  // all of its threads have stored
  if (threadIdx.x == 0) last = ptx::count_in_turn(counter, n - 1) == n - 1;
  __syncthreads();
  return last;
}

// Whether this cluster is the last of the grid's, whose threads have met since they stored: all of its CTAs are told.
__device__ __forceinline__ bool last_cluster(uint32_t* counter) {
  __shared__ uint32_t last;
  const uint32_t n_rank = ptx::cluster_nctarank(), n = gridDim.x / n_rank, lane = threadIdx.x;
  if (ptx::cluster_ctarank() == 0 && threadIdx.x < 32) {
    uint32_t before = 0;
    if (lane == 0) before = ptx::count_in_turn(counter, n - 1);
    before = __shfl_sync(0xffffffff, before, 0);
    if (lane < n_rank) ptx::store_cluster_u32(ptx::mapa(ptx::shared(&last), lane), before == n - 1);
  }
  ptx::cluster_sync();
  return last;
}

}  // namespace arrival
