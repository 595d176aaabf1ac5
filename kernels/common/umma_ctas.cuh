// The CTAs whose operands one instruction takes: one, or a pair, which is a cluster then. The even CTA of a pair leads: its barriers wait
// for what both have loaded and stored, it issues for both, and what it commits both hear.
#pragma once
#include "kernels/common/plan.h"
#include "kernels/ptx/cluster.cuh"
#include "kernels/ptx/tcgen05.cuh"
#include "kernels/ptx/tma.cuh"

namespace umma_linear {

template <int32_t CTAS>
struct Ctas;

template <>
struct Ctas<1> {
  static __device__ __forceinline__ int32_t side() { return 0; }
  static __device__ __forceinline__ void sync() { __syncthreads(); }
  static __device__ __forceinline__ void arrive(uint64_t* bar) { ptx::mbarrier_arrive(bar); }
  static __device__ __forceinline__ void wait(uint64_t* bar, uint32_t parity) { ptx::mbarrier_wait(bar, parity); }
  static __device__ __forceinline__ void commit(uint64_t* bar) { ptx::tcgen05_commit(bar); }
  static __device__ __forceinline__ void load_2d(uint32_t to, const TensorMap* map, uint64_t* bar, int32_t x, int32_t y) {
    ptx::tma_load_2d(to, map, bar, x, y);
  }
  static __device__ __forceinline__ void load_3d(uint32_t to, const TensorMap* map, uint64_t* bar, int32_t x, int32_t y, int32_t z) {
    ptx::tma_load_3d(to, map, bar, x, y, z);
  }
  static __device__ __forceinline__ void gather4(uint32_t to, const TensorMap* map, uint64_t* bar, int32_t x, int4 rows) {
    ptx::tma_gather4(to, map, bar, x, rows);
  }
};

template <>
struct Ctas<plan::PAIR> {
  static constexpr uint32_t LEADER = 0;
  static constexpr uint16_t BOTH = 0b11;

  static __device__ __forceinline__ int32_t side() { return ptx::cluster_ctarank(); }
  static __device__ __forceinline__ void sync() { ptx::cluster_sync(); }
  // The leader's barrier at the place of this CTA's.
  static __device__ __forceinline__ uint32_t at_leader(uint64_t* bar) { return ptx::mapa(ptx::shared(bar), LEADER); }
  static __device__ __forceinline__ void arrive(uint64_t* bar) { ptx::mbarrier_arrive_cluster(at_leader(bar)); }
  static __device__ __forceinline__ void wait(uint64_t* bar, uint32_t parity) { ptx::mbarrier_wait_cluster(bar, parity); }
  static __device__ __forceinline__ void commit(uint64_t* bar) { ptx::tcgen05_commit_pair(bar, BOTH); }
  static __device__ __forceinline__ void load_2d(uint32_t to, const TensorMap* map, uint64_t* bar, int32_t x, int32_t y) {
    ptx::tma_load_2d_pair(to, map, at_leader(bar), x, y);
  }
  static __device__ __forceinline__ void load_3d(uint32_t to, const TensorMap* map, uint64_t* bar, int32_t x, int32_t y, int32_t z) {
    ptx::tma_load_3d_pair(to, map, at_leader(bar), x, y, z);
  }
  static __device__ __forceinline__ void gather4(uint32_t to, const TensorMap* map, uint64_t* bar, int32_t x, int4 rows) {
    ptx::tma_gather4_pair(to, map, at_leader(bar), x, rows);
  }
};

}  // namespace umma_linear
