// What the kernels of score_keys do around the scores, in either format: tokens and entries of a CTA, the selection, and the lists.
#pragma once
#include "kernels/common/key_rows.cuh"
#include "kernels/common/topk_cluster.cuh"

namespace indexer {

constexpr int MOST_TOKENS = plan::Selection::MOST_TOKENS;

struct Shared {
  int visible[MOST_TOKENS];  // entries that a token sees
  topk::Choice choice[MOST_TOKENS];
  topk::Ranges ranges[MOST_TOKENS];
};
static_assert(sizeof(Shared) <= plan::Selection::STATIC, "as the plan counts it");

// Where an entry goes that is the token's j-th.
struct Put {
  int32_t *entries, *chosen;
  int n_raw;
  __device__ __forceinline__ void operator()(int j, int n) const {
    if (chosen) chosen[j] = n;
    entries[j] = entry_row(n, n_raw);
  }
};

// A few tokens, which the cluster has, and the range of their entries that this CTA has.
template <class Params>
struct Share {
  static constexpr int COUNTS = topk::PASSES * topk::BINS;

  const Params& p;
  Shared& sh;
  uint32_t* rows;  // of a token its keys [entries], and how often each digit occurs [pass, BINS]
  int rank, n_rank, token0, n_token, entries;

  // `tokens`: of a cluster.
  __device__ __forceinline__ Share(const Params& p, Shared& sh, void* rows, int tokens)
      : p(p),
        sh(sh),
        rows(static_cast<uint32_t*>(rows)),
        rank(ptx::cluster_ctarank()),
        n_rank(ptx::cluster_nctarank()),
        token0(blockIdx.x / n_rank * tokens),
        n_token(min(tokens, p.n_tok - token0)),
        entries(plan::Selection::entries(p.n_entry, n_rank)) {}

  __device__ __forceinline__ uint32_t* keys(int i) const { return rows + i * (entries + COUNTS); }
  __device__ __forceinline__ uint32_t* counts(int i, int pass) const { return keys(i) + entries + pass * topk::BINS; }
  __device__ __forceinline__ bool chooses(int i) const { return sh.visible[i] > p.topk; }

  // Comes first; the threads meet.
  __device__ __forceinline__ void begin() const {
    const int tid = threadIdx.x;
    if (tid < n_token) {
      sh.visible[tid] = max(0, min(p.n_entry, (p.pos[token0 + tid] + 1) / p.ratio));
      sh.choice[tid] = {0, uint32_t(p.topk), 0, 0};
    }
    for (int i = tid; i < n_token * COUNTS; i += blockDim.x) counts(i / COUNTS, 0)[i % COUNTS] = 0;
    __syncthreads();
  }

  // Tiles of `n` entries that are scored: all of them where the scores are watched, else those that a token chooses among.
  __device__ __forceinline__ int tiles(int n) const {
    int most = p.s ? p.n_entry : 0;
    for (int i = 0; i < n_token; ++i)
      if (chooses(i)) most = max(most, sh.visible[i]);
    return plan::div_up(most, n);
  }
  __device__ __forceinline__ int begin_of(int n_tile) const { return n_tile * rank / n_rank; }
  __device__ __forceinline__ int end_of(int n_tile) const { return n_tile * (rank + 1) / n_rank; }

  // The score of entry n, which lies `at` entries behind the CTA's first; n may lie beyond the last.
  __device__ __forceinline__ void keep(int i, int n, int at, float score) const {
    keys(i)[at] = n < sh.visible[i] ? order_key(score) : 0;
  }

  // The lists, of scores of `n_key` entries of this CTA, the first of them `first`, which all of its threads see.
  __device__ __forceinline__ void finish(int first, int n_key) const {
    const int tid = threadIdx.x, warp = tid / 32, n_slot = p.window + p.topk;
    const auto put = [&](int i) {
      const int64_t token = token0 + i;
      return Put{p.idx + token * n_slot + p.window, p.chosen ? p.chosen + token * p.topk : nullptr, p.n_raw};
    };
    bool any = false;
    for (int i = 0; i < n_token; ++i) any = any || chooses(i);

    if (any) {
#pragma unroll 1
      for (int pass = 0; pass < topk::PASSES; ++pass) {
        const int shift = 32 - topk::BITS * (pass + 1);
        for (int i = 0; i < n_token; ++i)
          if (chooses(i)) topk::count_digits(topk::KeyRow{keys(i)}, n_key, shift, sh.choice[i].threshold, counts(i, pass));
        ptx::cluster_sync();
        if (warp < n_token && chooses(warp)) topk::choose(sh.choice[warp], counts(warp, pass), shift);
        __syncthreads();
      }
      ptx::cluster_arrive();  // this CTA has read the others' counts
      for (int i = 0; i < n_token; ++i)
        if (chooses(i)) {
          const topk::Choice c = sh.choice[i];
          const auto to = put(i);
          topk::list(topk::KeyRow{keys(i)}, n_key, c.threshold, c.wanted, c.above, c.equal, sh.ranges[i],
                     [&](int j, int n) { to(j, first + n); });
        }
    }
    // windows, and tokens that take every entry they see
    const int step = n_rank * blockDim.x;
    for (int i = 0; i < n_token; ++i) {
      const int pos = p.pos[token0 + i], n_listed = chooses(i) ? p.window : n_slot;
      for (int j = rank * blockDim.x + tid; j < n_listed; j += step)
        if (j < p.window)
          p.idx[int64_t(token0 + i) * n_slot + j] = window_row(pos, p.window, j, p.raw0);
        else
          put(i)(j - p.window, j - p.window < sh.visible[i] ? j - p.window : -1);
    }
    if (any) ptx::cluster_wait();  // counts are there until all have read them
  }
};

}  // namespace indexer
