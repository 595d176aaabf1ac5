// Tensor copies by the TMA unit (PTX ISA #data-movement-and-conversion-instructions-cp-async-bulk-tensor). Coordinates are innermost first.
// A copy arrives in the executing CTA; `_pair` may tell the other CTA of its pair's barrier, whose address in the cluster is `bar`.
#pragma once
#include "kernels/common/types.h"
#include "kernels/ptx/mbarrier.cuh"

namespace ptx {

__device__ __forceinline__ void prefetch_map(const TensorMap* map) {
  asm volatile("prefetch.tensormap [%0];" ::"l"(map) : "memory");
}

// A run of a 1-D tensor; elements outside of the tensor arrive as zeros and count as bytes.
__device__ __forceinline__ void tma_load_1d(uint32_t to, const TensorMap* map, uint64_t* bar, int32_t x) {
  asm volatile("cp.async.bulk.tensor.1d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%3}], [%2];" ::"r"(to),
               "l"(map), "r"(shared(bar)), "r"(x)
               : "memory");
}

// A box of a 2-D tensor; elements outside of the tensor arrive as zeros and count as bytes.
__device__ __forceinline__ void tma_load_2d(uint32_t to, const TensorMap* map, uint64_t* bar, int32_t x, int32_t y) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4}], [%2];" ::"r"(to),
      "l"(map), "r"(shared(bar)), "r"(x), "r"(y)
      : "memory");
}

__device__ __forceinline__ void tma_load_2d_pair(uint32_t to, const TensorMap* map, uint32_t bar, int32_t x, int32_t y) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.cta_group::2 [%0], [%1, {%3, %4}], [%2];" ::"r"(to),
      "l"(map), "r"(bar), "r"(x), "r"(y)
      : "memory");
}

__device__ __forceinline__ void tma_load_3d(uint32_t to, const TensorMap* map, uint64_t* bar, int32_t x, int32_t y, int32_t z) {
  asm volatile(
      "cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, %5}], [%2];" ::"r"(to),
      "l"(map), "r"(shared(bar)), "r"(x), "r"(y), "r"(z)
      : "memory");
}
__device__ __forceinline__ void tma_load_3d_pair(uint32_t to, const TensorMap* map, uint32_t bar, int32_t x, int32_t y, int32_t z) {
  asm volatile(
      "cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.cta_group::2 [%0], [%1, {%3, %4, %5}], "
      "[%2];" ::"r"(to),
      "l"(map), "r"(bar), "r"(x), "r"(y), "r"(z)
      : "memory");
}

// Four rows of a 2-D tensor, anywhere; a row outside of it arrives as zeros.
__device__ __forceinline__ void tma_gather4(uint32_t to, const TensorMap* map, uint64_t* bar, int32_t x, int4 rows) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cta.global.tile::gather4.mbarrier::complete_tx::bytes.cta_group::1 [%0], [%1, {%3, %4, %5, %6, "
      "%7}], [%2];" ::"r"(to),
      "l"(map), "r"(shared(bar)), "r"(x), "r"(rows.x), "r"(rows.y), "r"(rows.z), "r"(rows.w)
      : "memory");
}
__device__ __forceinline__ void tma_gather4_pair(uint32_t to, const TensorMap* map, uint32_t bar, int32_t x, int4 rows) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.tile::gather4.mbarrier::complete_tx::bytes.cta_group::2 [%0], [%1, {%3, %4, %5, %6, "
      "%7}], [%2];" ::"r"(to),
      "l"(map), "r"(bar), "r"(x), "r"(rows.x), "r"(rows.y), "r"(rows.z), "r"(rows.w)
      : "memory");
}

// Bytes of this CTA's shared memory to that of any CTA of the cluster, whose barrier they are told to; both are addresses of the cluster.
__device__ __forceinline__ void copy_cluster(uint32_t to, uint32_t from, uint32_t bytes, uint32_t bar) {
  asm volatile("cp.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(to), "r"(from),
               "r"(bytes), "r"(bar)
               : "memory");
}

// A box of shared memory into a 3-D tensor; elements outside of it are dropped. Counts for the thread's bulk group.
__device__ __forceinline__ void tma_store_3d(const TensorMap* map, uint32_t from, int32_t x, int32_t y, int32_t z) {
  asm volatile("cp.async.bulk.tensor.3d.global.shared::cta.tile.bulk_group [%0, {%2, %3, %4}], [%1];" ::"l"(map), "r"(from), "r"(x), "r"(y),
               "r"(z)
               : "memory");
}
// Until this thread's stores have read shared memory.
__device__ __forceinline__ void tma_store_read_wait() {
  asm volatile("cp.async.bulk.commit_group;\n\tcp.async.bulk.wait_group.read 0;" ::: "memory");
}

// What this thread wrote to shared memory becomes visible to copies and to the tensor core.
__device__ __forceinline__ void fence_proxy_async() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }
// The same of what it wrote to shared memory of any CTA of the cluster.
__device__ __forceinline__ void fence_proxy_async_cluster() { asm volatile("fence.proxy.async.shared::cluster;" ::: "memory"); }

}  // namespace ptx
