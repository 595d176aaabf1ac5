// Keys of umma_attention.cuh that are rows of a bf16 pool. For one CTA TMA gathers them, four rows a copy. A pair's go through registers:
// each row lies at two places, of which one may be in the other CTA, and a copy, multicast or not, takes a row to one offset.
#pragma once
#include "kernels/common/umma_attention.cuh"
#include "kernels/common/umma_attention_fill.cuh"

namespace umma_attention {

struct PoolRows {
  using Row = int32_t;
  using Words = Channels;
  const bf16_t* const kv;
  const uint32_t first, second;  // channels

  template <class Op>
  __device__ __forceinline__ PoolRows(const Op& op, uint32_t low, uint32_t high) : kv(op.kv), first(low), second(high) {}

  __device__ __forceinline__ Row of(int32_t row) const { return row; }
  __device__ __forceinline__ Words load(Row row, uint32_t r) const {
    const int32_t at = __shfl_sync(~0u, row, r);
    if (at < 0) return {};  // a slot without a key is a row of zeros
    const bf16_t* from = kv + int64_t(at) * Plan::CHANNELS;
    return {load16(from + first), load16(from + second)};
  }
  __device__ __forceinline__ Channels unpack(Row, uint32_t, const Words& w) const { return w; }
};

template <int32_t CTAS>
struct Rows : Filled<PoolRows, CTAS> {};

template <>
struct Rows<1> {
  static constexpr int32_t CTAS = 1;
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
