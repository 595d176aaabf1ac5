// score_keys on tcgen05: the indexer's scores of a token, the entries that it attends to, and its key list, in one launch.
//
// shapes    q e2m1 [n_tok, n_head, 128], q_s ue8m0 [n_tok, n_head, 4], k e2m1 [n_entry, 128], k_s ue8m0 [n_entry, 4], w bf16
//           [n_tok, n_head], pos i32 [n_tok] -> s f32 [n_tok, n_entry] or null, chosen i32 [n_tok, topk] or null, idx i32
//           [n_tok, window + topk]; at most 240 heads and 2^18 entries
// numerics  those of index_scores, index_topk and key_list, bit for bit
// parallel  a cluster has a few tokens, a CTA of it a range of entries: it scores them (umma_scores.cuh), keeps them in shared memory as
//           keys, and the cluster selects (topk_cluster.cuh). Entries that none of its tokens chooses among are not scored.
#include "kernels/common/umma_scores.cuh"
#include "kernels/fused/score_keys.cuh"

extern "C" __global__ void __launch_bounds__(umma_scores::THREADS, 1) score_keys(const __grid_constant__ ScoreKeysSm100Params params) {
  extern __shared__ uint8_t dynamic[];
  __shared__ indexer::Shared shared;
  const ScoreKeysParams& p = params.op;
  const plan::ScoreKeys cut(p.n_tok, p.n_head, p.n_entry);
  const indexer::Share share(p, shared, dynamic + cut.PIPELINE, cut.tokens);
  share.begin();

  const int32_t n_tile = share.tiles(cut.ENTRIES), begin = share.begin_of(n_tile), end = share.end_of(n_tile);
  const int32_t first = begin * cut.ENTRIES, tile0 = share.token0 / cut.tokens * n_tile;
  umma_scores::run<1>(params, cut, umma_scores::Walk(max(n_tile, 1), tile0 + begin, tile0 + end),
                      [&](int32_t token, int32_t n, float score) {
                        if (p.s && n < p.n_entry) p.s[int64_t(token) * p.n_entry + n] = score;
                        share.keep(token - share.token0, n, n - first, score);
                      });
  share.finish(first, (end - begin) * cut.ENTRIES);
}
