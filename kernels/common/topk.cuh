// The topk largest of a row of scores, by a CTA: radix select over 32-bit order keys, a byte a pass, finds the topk-th largest key and how
// many of its equals still fit; each warp then counts and writes a contiguous range of entries, so order needs no sort.
#pragma once
#include "kernels/common/order.cuh"
#include "kernels/common/reduce.cuh"

namespace topk {

constexpr int MAX_WARPS = 32;
constexpr int BITS = 8, BINS = 1 << BITS;  // a bin a thread: the launch has at least BINS threads
constexpr int AHEAD = 4;                   // loads in flight a lane

struct Shared {
  uint32_t bin[BINS];
  uint32_t warp_total[BINS / 32];
  uint32_t digit, higher;  // the chosen bin and how many keys lie in higher ones
  int above[MAX_WARPS], equal[MAX_WARPS];
};

// Finds the bin that holds the `wanted`-th largest key counted in smem.bin (1 is the largest).
__device__ __forceinline__ void choose(Shared& smem, uint32_t wanted) {
  const int tid = threadIdx.x, lane = tid % 32, warp = tid / 32;
  uint32_t count = 0, inclusive = 0;
  if (tid < BINS) {  // whole warps; thread t looks at bin BINS - 1 - t
    count = inclusive = smem.bin[BINS - 1 - tid];
#pragma unroll
    for (int o = 1; o < 32; o *= 2) {
      const uint32_t before = __shfl_up_sync(FULL_WARP, inclusive, o);
      if (lane >= o) inclusive += before;
    }
    if (lane == 31) smem.warp_total[warp] = inclusive;
  }
  __syncthreads();
  if (tid < BINS) {
    uint32_t higher = inclusive - count;
    for (int w = 0; w < warp; ++w) higher += smem.warp_total[w];
    if (higher < wanted && wanted <= higher + count) {
      smem.digit = BINS - 1 - tid;
      smem.higher = higher;
    }
  }
  __syncthreads();
}

// Keys of entries n, n + step, ..; 0 (no key) at or beyond `end`.
__device__ __forceinline__ void load_keys(const float* s, int n, int step, int end, uint32_t (&key)[AHEAD]) {
#pragma unroll
  for (int i = 0; i < AHEAD; ++i) key[i] = n + i * step < end ? order_key(s[n + i * step]) : 0;
}

// Calls put(j, n) for every place j < topk: the entries n < visible with the largest s[n], ties to the lowest index, NaN below every
// number, in ascending order; then n = -1.
template <class Put>
__device__ __forceinline__ void select(const float* s, int visible, int topk, Shared& smem, Put put) {
  const int tid = threadIdx.x, lane = tid % 32, warp = tid / 32, threads = blockDim.x;

  // no choice: every visible entry
  if (visible <= topk) {
    for (int j = tid; j < topk; j += threads) put(j, j < visible ? j : -1);
    return;
  }

  // threshold: the topk-th largest key, a byte at a time from the top; `wanted` counts among keys with the
  // bytes found
  uint32_t threshold = 0, wanted = topk;
  uint32_t key[AHEAD];
#pragma unroll 1
  for (int shift = 32 - BITS; shift >= 0; shift -= BITS) {
    if (tid < BINS) smem.bin[tid] = 0;
    __syncthreads();
    const uint32_t known = shift == 32 - BITS ? 0 : ~0u << (shift + BITS);
    for (int n = tid; n < visible; n += AHEAD * threads) {
      load_keys(s, n, threads, visible, key);
#pragma unroll
      for (int i = 0; i < AHEAD; ++i)
        if (key[i] != 0 && (key[i] & known) == threshold) atomicAdd(&smem.bin[(key[i] >> shift) % BINS], 1u);
    }
    __syncthreads();
    choose(smem, wanted);
    threshold |= smem.digit << shift;
    wanted -= smem.higher;
  }

  // each warp counts its range
  const int range = (visible + threads - 1) / threads * 32;
  const int begin = min(visible, warp * range), end = min(visible, begin + range);
  int above = 0, equal = 0;
  for (int n = begin; n < end; n += AHEAD * 32) {
    load_keys(s, n + lane, 32, end, key);
#pragma unroll
    for (int i = 0; i < AHEAD; ++i) {
      above += __popc(__ballot_sync(FULL_WARP, key[i] > threshold));
      equal += __popc(__ballot_sync(FULL_WARP, key[i] == threshold));
    }
  }
  if (lane == 0) {
    smem.above[warp] = above;
    smem.equal[warp] = equal;
  }
  __syncthreads();

  // and writes it: all keys above, and equals while they fit, lowest index first
  int n_above = 0, n_equal = 0;
  for (int w = 0; w < warp; ++w) {
    n_above += smem.above[w];
    n_equal += smem.equal[w];
  }
  const uint32_t before = (1u << lane) - 1;
  for (int n = begin; n < end; n += AHEAD * 32) {
    load_keys(s, n + lane, 32, end, key);
#pragma unroll
    for (int i = 0; i < AHEAD; ++i) {
      const uint32_t is_above = __ballot_sync(FULL_WARP, key[i] > threshold);
      const uint32_t is_equal = __ballot_sync(FULL_WARP, key[i] == threshold);
      const int rank = n_equal + __popc(is_equal & before);  // among equals
      const int at = n_above + __popc(is_above & before) + min(rank, int(wanted));
      if (key[i] > threshold || (key[i] == threshold && rank < int(wanted))) put(at, n + 32 * i + lane);
      n_above += __popc(is_above);
      n_equal += __popc(is_equal);
    }
  }
}

}  // namespace topk
