// score_keys on tcgen05: the indexer's scores of a token, the entries that it attends to, and its key list, in one launch.
//
// shapes    q e2m1 [n_tok, n_head, 128], q_s ue8m0 [n_tok, n_head, 4], k e2m1 [n_entry, 128], k_s ue8m0 [n_entry, 4], w bf16
//           [n_tok, n_head], pos i32 [n_tok] -> s f32 [n_tok, n_entry] or null, chosen i32 [n_tok, topk] or null, idx i32
//           [n_tok, window + topk]; at most 240 heads and 2^18 entries
// numerics  those of index_scores, index_topk and key_list, bit for bit
// parallel  a cluster has a few tokens, a CTA of it a range of entries: it scores them (umma_scores.cuh), keeps them in shared memory as
//           keys, and the cluster selects (topk_cluster.cuh). Entries that none of its tokens chooses among are not scored.
#include "score_keys.h"

#include "kernels/fused/score_keys.sm100.cuh"

extern "C" __global__ void __launch_bounds__(umma_scores::THREADS, 1) score_keys(const __grid_constant__ ScoreKeysSm100Params p) {
  indexer::run_sm100<umma_scores::Mxfp4, plan::ScoreKeys>(p);
}
