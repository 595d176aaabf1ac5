// The topk largest of a row whose keys lie in the shared memory of a cluster, each CTA a range of entries in the order of the ranks: topk.cuh's
// radix select with counts that the CTAs read of each other.
#pragma once
#include "kernels/common/plan.h"
#include "kernels/common/topk.cuh"
#include "kernels/ptx/cluster.cuh"

namespace topk {

constexpr int PASSES = 32 / BITS;
static_assert(plan::Selection::COUNT_BYTES == PASSES * BINS * 4, "as the plan counts them");

// A CTA's entries; 0 is no key.
struct KeyRow {
  const uint32_t* key;
  __device__ __forceinline__ uint32_t operator()(int n) const { return key[n]; }
};

// What is known of a row's topk-th largest key.
struct Choice {
  uint32_t threshold;     // its digits, so far
  uint32_t wanted;        // which one it is among the keys with these digits, 1 the largest
  uint32_t above, equal;  // keys above it in CTAs of lower rank; with the last digit, its equals there
};

// The digit at `shift`, by a warp. `bin`: where each CTA has the counts of its own keys.
__device__ __forceinline__ void choose(Choice& c, const uint32_t* bin, int shift) {
  constexpr int OWN = BINS / 32;  // bins a lane, the first lane the highest
  const uint32_t lane = threadIdx.x % 32, rank = ptx::cluster_ctarank(), n_rank = ptx::cluster_nctarank();
  const uint32_t first = BINS - OWN * (lane + 1), wanted = c.wanted;
  // the upper half of a number counts the keys of all CTAs, the lower those of lower rank
  uint64_t count[OWN] = {};
#pragma unroll
  for (uint32_t r = 0; r < plan::MAX_SPLIT; ++r) {  // ranks that are not there add nothing, so that no load waits for another
    const uint64_t unit = r < n_rank ? uint64_t(1) << 32 | uint64_t(r < rank) : 0;
    const uint32_t there = ptx::mapa(ptx::shared(bin + first), min(r, n_rank - 1));
#pragma unroll
    for (int i = 0; i < OWN; i += 4) {
      const uint4 v = ptx::load_cluster_u32x4(there + 4 * i);
      count[i] += v.x * unit, count[i + 1] += v.y * unit, count[i + 2] += v.z * unit, count[i + 3] += v.w * unit;
    }
  }
  uint64_t own = 0;
#pragma unroll
  for (int i = 0; i < OWN; ++i) own += count[i];
  uint64_t higher = own;
#pragma unroll
  for (int o = 1; o < 32; o *= 2) {
    const uint64_t before = __shfl_up_sync(FULL_WARP, higher, o);
    if (lane >= o) higher += before;
  }
  higher -= own;
  __syncwarp();  // all have read `wanted`
#pragma unroll
  for (int i = OWN - 1; i >= 0; --i) {
    const uint32_t before = higher >> 32, here = count[i] >> 32;
    if (before < wanted && wanted <= before + here) {
      c.threshold |= (first + i) << shift;
      c.wanted = wanted - before;
      c.above += uint32_t(higher);
      c.equal = uint32_t(count[i]);
    }
    higher += count[i];
  }
}

}  // namespace topk
