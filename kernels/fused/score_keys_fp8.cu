// score_keys_fp8: the indexer's scores of a token in FP8, the entries that it attends to, and its key list, in one launch
//   q e4m3 [n_tok, n_head, width]   q_s ue8m0 [n_tok, n_head]   k e4m3 [n_entry, width]   k_s f32 [n_entry]
//   w bf16 [n_tok, n_head]   pos i32 [n_tok]   s f32 [n_tok, n_entry] or null   chosen i32 [n_tok, topk] or null
//   idx i32 [n_tok, window + topk]; at most 2^18 entries
// Numerics: those of index_scores_fp8, index_topk and key_list, bit for bit.
// Parallel: as score_keys.
#include "score_keys_fp8.h"

#include "kernels/fused/score_keys.portable.cuh"

// alone on a multiprocessor, as score_keys
extern "C" __global__ void __launch_bounds__(gemm::THREADS, 1) score_keys_fp8(const __grid_constant__ ScoreKeysFp8Params p) {
  indexer::run_portable<scores::Fp8>(p);
}
