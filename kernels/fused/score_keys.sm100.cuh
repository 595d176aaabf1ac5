// score_keys with the scores of umma_scores.cuh, in any of its formats. `Cut` is the plan's.
#pragma once
#include "kernels/common/umma_scores.cuh"
#include "kernels/fused/score_keys.cuh"

namespace indexer {

template <class Format, class Cut, class Params>
__device__ __forceinline__ void run_sm100(const Params& params) {
  extern __shared__ uint8_t dynamic[];
  __shared__ Shared shared;
  const auto& p = params.op;
  const Cut cut(p.n_tok, p.n_head, p.n_entry);
  const Share share(p, shared, dynamic + cut.PIPELINE, cut.tokens);
  share.begin();

  const int32_t n_tile = share.tiles(cut.ENTRIES), begin = share.begin_of(n_tile), end = share.end_of(n_tile);
  const int32_t first = begin * cut.ENTRIES, tile0 = share.token0 / cut.tokens * n_tile;
  const umma_scores::Walk walk(max(n_tile, 1), tile0 + begin, tile0 + end);
  umma_scores::run<Format>(params, cut, walk, [&](int32_t token, int32_t n, float score) {
    if (p.s && n < p.n_entry) p.s[int64_t(token) * p.n_entry + n] = score;
    share.keep(token - share.token0, n, n - first, score);
  });
  share.finish(first, (end - begin) * cut.ENTRIES);
}

}  // namespace indexer
