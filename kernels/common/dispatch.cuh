// Rows of each expert: the (token, slot) pairs sorted by expert, stably, by one CTA, for the parameters of any op that has moe_dispatch's.
// A warp owns a contiguous range of slots: it counts its range, the CTA turns counts into first rows by (expert, warp), and the warp hands
// out rows in slot order without meeting the others again.
#pragma once
#include "kernels/common/reduce.cuh"

namespace dispatch {

constexpr int N_WARP = 8, THREADS = 32 * N_WARP;

// Exclusive prefix sum of `v` over the CTA, of `WARPS`; `total` gets the sum. Both barriers inside: `scratch` may be used again at once.
template <int WARPS>
__device__ inline int block_prefix(int v, int* scratch, int& total) {
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  int inclusive = v;
  for (int o = 1; o < 32; o *= 2) {
    const int below = __shfl_up_sync(FULL_WARP, inclusive, o);
    if (lane >= o) inclusive += below;
  }
  if (lane == 31) scratch[warp] = inclusive;
  __syncthreads();
  int before = 0;
  total = 0;
#pragma unroll
  for (int w = 0; w < WARPS; ++w) {
    before += w < warp ? scratch[w] : 0;
    total += scratch[w];
  }
  __syncthreads();
  return before + inclusive - v;
}

// `next` holds a word an expert for each of the CTA's `WARPS`: its counts, then the next row it hands out. A barrier comes before the
// first look at ids, so the CTA's own threads may just have written them.
template <int WARPS = N_WARP, class P>
__device__ inline void rows_of_experts(const P& p, int* next) {
  constexpr int STEP = 32 * WARPS;
  __shared__ int scratch[WARPS];
  const int tid = threadIdx.x, lane = tid % 32;
  const int n = p.n_tok * p.n_act;
  const int range = (n + STEP - 1) / STEP * 32;  // slots of a warp, whole steps of 32
  const int begin = min(n, tid / 32 * range), end = min(n, begin + range);
  int* mine = next + tid / 32 * p.n_expert;

  // count
  for (int i = tid; i < WARPS * p.n_expert; i += STEP) next[i] = 0;
  __syncthreads();
  for (int slot = begin + lane; slot < end; slot += 32) {
    const int e = p.ids[slot];
    if (e < 0 || e >= p.n_expert) asm volatile("trap;");
    atomicAdd(&mine[e], 1);
  }
  __syncthreads();

  // offset[e] = rows of the experts before e; next[w][e] = offset[e] + rows of e in the warps before w
  int carry = 0;
  for (int e0 = 0; e0 < p.n_expert; e0 += STEP) {
    const int e = e0 + tid;
    int count = 0, total;
    if (e < p.n_expert)
      for (int w = 0; w < WARPS; ++w) count += next[w * p.n_expert + e];
    int row = carry + block_prefix<WARPS>(count, scratch, total);
    carry += total;
    if (e < p.n_expert) {
      p.offset[e] = row;
      for (int w = 0; w < WARPS; ++w) {
        const int c = next[w * p.n_expert + e];
        next[w * p.n_expert + e] = row;
        row += c;
      }
    }
  }
  if (tid == 0) p.offset[p.n_expert] = n;
  __syncthreads();

  // rows in slot order: within a step of 32, the lanes of one expert line up by lane
  for (int first = begin; first < end; first += 32) {
    const int slot = first + lane;
    const int e = slot < end ? p.ids[slot] : -1;
    const uint32_t same = __match_any_sync(FULL_WARP, e);
    const int rank = __popc(same & ((1u << lane) - 1));
    int row = 0;
    if (e >= 0) row = mine[e] + rank;
    __syncwarp();
    if (e >= 0) {
      if (rank == 0) mine[e] = row + __popc(same);
      p.row_tok[row] = slot / p.n_act;
      p.row_slot[row] = slot;
      p.row_expert[row] = e;
      p.slot_row[slot] = row;
    }
    __syncwarp();
  }
}

}  // namespace dispatch
