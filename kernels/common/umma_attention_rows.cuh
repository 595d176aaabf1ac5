// Keys of umma_attention.cuh that are rows of a bf16 pool: TMA gathers them, four rows a copy.
#pragma once
#include "kernels/common/umma_attention.cuh"

namespace umma_attention {

struct Rows {
  static constexpr uint32_t WARPS = 1, ARRIVALS = 1;
  static constexpr uint32_t GATHER_ROWS = 4, GROUPS = KEYS / GATHER_ROWS;

  // Four rows a group of lanes 0-15 and 16-31, which take half of the channels each. A row outside of the pool arrives as zeros.
  template <class A>
  __device__ __forceinline__ static void gather(const A& a, uint32_t) {
    if (a.lane == 0) ptx::prefetch_map(&a.p.kv_map);
    const uint32_t group = a.lane % GROUPS, half = a.lane / GROUPS;
    ptx::Ring ring;
    for (int32_t i = a.first; i < a.last; ++i, ring.next(STAGES)) {
      const int32_t j = i * KEYS + group * GATHER_ROWS;
      const int4 rows = {a.row_of(j), a.row_of(j + 1), a.row_of(j + 2), a.row_of(j + 3)};
      uint64_t* full = &a.sh.k_full[ring.stage];
      const uint32_t at = ptx::shared(a.keys(ring.stage)) + group * GATHER_ROWS * umma::SWIZZLE_BYTES;
      ptx::mbarrier_wait(&a.sh.done[ring.stage], ring.parity ^ 1);
      if (a.lane == 0) ptx::mbarrier_arrive_expect_tx(full, Plan::ROWS_BYTES);
      __syncwarp();
      for (uint32_t n = half * N_ATOM / 2; n < (half + 1) * N_ATOM / 2; ++n)
        ptx::tma_gather4(at + n * ATOM_BYTES, &a.p.kv_map, full, n * ATOM, rows);
    }
  }
};

}  // namespace umma_attention
