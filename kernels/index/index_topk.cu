// index_topk: the compressed entries that a query attends to.
//
//   of n < visible = min(n_entry, floor((pos + 1) / ratio)): the topk largest s[tok][n], ties to the lowest index, NaN below every
//   number; written in ascending index order, then -1
//
// cite      DeepSeek-V4 inference/model.py Indexer.forward: masked topk
// shapes    s f32 [n_tok, n_entry], pos i32 [n_tok] -> idx i32 [n_tok, topk]; any sizes
// numerics  comparisons only
// parallel  one CTA a token. Radix select over 32-bit order keys, 11 + 11 + 10 bits, finds the topk-th largest key and how many of
//           its equals still fit; each warp then counts and writes its contiguous range of entries, so order needs no sort
#include "index_topk.h"
#include "kernels/common/order.cuh"
#include "kernels/common/reduce.cuh"

namespace {

constexpr int N_WARP = 8, THREADS = 32 * N_WARP;
constexpr int BITS = 11, BINS = 1 << BITS;
constexpr int PER_THREAD = BINS / THREADS;

struct Smem {
  uint32_t bin[BINS];
  uint32_t warp_total[N_WARP];
  uint32_t digit, below;  // the chosen bin and how many keys lie in higher ones
  int above[N_WARP], equal[N_WARP];
};

// Finds the bin that holds the `wanted`-th largest key counted in smem.bin (1 is the largest).
__device__ __forceinline__ void choose(Smem& smem, uint32_t wanted) {
  const int tid = threadIdx.x, lane = tid % 32, warp = tid / 32;
  // thread t owns bins from the top: BINS - 1 - PER_THREAD t downwards
  const int top = BINS - 1 - PER_THREAD * tid;
  uint32_t mine = 0;
#pragma unroll
  for (int i = 0; i < PER_THREAD; ++i) mine += smem.bin[top - i];
  uint32_t inclusive = mine;
  for (int o = 1; o < 32; o *= 2) {
    const uint32_t before = __shfl_up_sync(FULL_WARP, inclusive, o);
    if (lane >= o) inclusive += before;
  }
  if (lane == 31) smem.warp_total[warp] = inclusive;
  __syncthreads();
  uint32_t higher = inclusive - mine;
  for (int w = 0; w < warp; ++w) higher += smem.warp_total[w];
  if (higher < wanted && wanted <= higher + mine) {
#pragma unroll
    for (int i = 0; i < PER_THREAD; ++i) {
      const uint32_t count = smem.bin[top - i];
      if (higher < wanted && wanted <= higher + count) {
        smem.digit = top - i;
        smem.below = higher;
      }
      higher += count;
    }
  }
  __syncthreads();
}

}  // namespace

extern "C" __global__ void __launch_bounds__(THREADS) index_topk(const __grid_constant__ IndexTopkParams p) {
  __shared__ Smem smem;
  const int tid = threadIdx.x, lane = tid % 32, warp = tid / 32;
  const float* s = p.s + int64_t(blockIdx.x) * p.n_entry;
  int32_t* idx = p.idx + int64_t(blockIdx.x) * p.topk;
  const int visible = max(0, min(p.n_entry, (p.pos[blockIdx.x] + 1) / p.ratio));

  // no choice: every visible entry
  if (visible <= p.topk) {
    for (int j = tid; j < p.topk; j += THREADS) idx[j] = j < visible ? j : -1;
    return;
  }

  // threshold: the topk-th largest key, from its highest bits down; `wanted` counts among keys that share the bits found
  uint32_t threshold = 0, wanted = p.topk;
#pragma unroll 1
  for (int known = 32, shift = 32 - BITS;; known = shift, shift = max(0, shift - BITS)) {  // bits from `known` up are found
    for (int i = tid; i < BINS; i += THREADS) smem.bin[i] = 0;
    __syncthreads();
    for (int n = tid; n < visible; n += THREADS) {
      const uint32_t key = order_key(s[n]);
      if (known == 32 || key >> known == threshold >> known) atomicAdd(&smem.bin[(key >> shift) & (BINS - 1)], 1u);
    }
    __syncthreads();
    choose(smem, wanted);
    threshold |= smem.digit << shift;
    wanted -= smem.below;
    if (shift == 0) break;
  }

  // each warp counts its range
  const int range = (visible + THREADS - 1) / THREADS * 32;
  const int begin = min(visible, warp * range), end = min(visible, begin + range);
  int above = 0, equal = 0;
  for (int n0 = begin; n0 < end; n0 += 32) {
    const uint32_t key = n0 + lane < end ? order_key(s[n0 + lane]) : 0;
    above += __popc(__ballot_sync(FULL_WARP, key > threshold));
    equal += __popc(__ballot_sync(FULL_WARP, key == threshold));
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
  for (int n0 = begin; n0 < end; n0 += 32) {
    const uint32_t key = n0 + lane < end ? order_key(s[n0 + lane]) : 0;
    const uint32_t is_above = __ballot_sync(FULL_WARP, key > threshold);
    const uint32_t is_equal = __ballot_sync(FULL_WARP, key == threshold);
    const int equal_rank = n_equal + __popc(is_equal & before);
    const int at = n_above + __popc(is_above & before) + min(equal_rank, int(wanted));
    if (key > threshold || (key == threshold && equal_rank < int(wanted))) idx[at] = n0 + lane;
    n_above += __popc(is_above);
    n_equal += __popc(is_equal);
  }
}
