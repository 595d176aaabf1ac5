// score_keys: the indexer's scores of a token, the entries that it attends to, and its key list, in one launch
//   q e2m1 [n_tok, n_head, width]   q_s ue8m0 [n_tok, n_head, width/32]   k e2m1 [n_entry, width]   k_s ue8m0 [n_entry, width/32]
//   w bf16 [n_tok, n_head]   pos i32 [n_tok]   s f32 [n_tok, n_entry] or null   chosen i32 [n_tok, topk] or null
//   idx i32 [n_tok, window + topk]; at most 2^18 entries
// Numerics: those of index_scores, index_topk and key_list, bit for bit.
// Parallel: a cluster a token; a CTA scores a range of entries, 64 at a time (scores.cuh), and keeps them in shared memory as keys of the
//   selection (topk_cluster.cuh). Entries that the token does not choose among are not scored.
#include "score_keys.h"

#include "kernels/fused/score_keys.portable.cuh"

// alone on a multiprocessor: for two CTAs ptxas would spill
extern "C" __global__ void __launch_bounds__(gemm::THREADS, 1) score_keys(const __grid_constant__ ScoreKeysParams p) {
  indexer::run_portable<scores::Mxfp4>(p);
}
