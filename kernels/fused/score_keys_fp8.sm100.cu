// score_keys_fp8 on tcgen05: the indexer's scores of a token in FP8, the entries that it attends to, and its key list, in one launch.
//
// shapes    q e4m3 [n_tok, n_head, 128], q_s ue8m0 [n_tok, n_head], k e4m3 [n_entry, 128], k_s f32 [n_entry], w bf16 [n_tok, n_head],
//           pos i32 [n_tok] -> s f32 [n_tok, n_entry] or null, chosen i32 [n_tok, topk] or null, idx i32 [n_tok, window + topk]; at most
//           240 heads and 2^18 entries
// numerics  those of index_scores_fp8, index_topk and key_list, bit for bit
// parallel  as score_keys, with a ring of fewer stages, since an entry takes twice the bytes
#include "score_keys_fp8.h"

#include "kernels/fused/score_keys.sm100.cuh"

extern "C" __global__ void __launch_bounds__(umma_scores::THREADS, 1) score_keys_fp8(const __grid_constant__ ScoreKeysFp8Sm100Params p) {
  indexer::run_sm100<umma_scores::Fp8, plan::ScoreKeysFp8>(p);
}
