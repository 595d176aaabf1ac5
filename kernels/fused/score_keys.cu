// score_keys: the indexer's scores of a token, the entries that it attends to, and its key list, in one launch
//   q e2m1 [n_tok, n_head, width]   q_s ue8m0 [n_tok, n_head, width/32]   k e2m1 [n_entry, width]   k_s ue8m0 [n_entry, width/32]
//   w bf16 [n_tok, n_head]   pos i32 [n_tok]   s f32 [n_tok, n_entry] or null   chosen i32 [n_tok, topk] or null
//   idx i32 [n_tok, window + topk]; at most 2^18 entries
// Numerics: those of index_scores, index_topk and key_list, bit for bit.
// Parallel: a cluster a token; a CTA scores a range of entries, 64 at a time (scores.cuh), and keeps them in shared memory as keys of the
//   selection (topk_cluster.cuh). Entries that the token does not choose among are not scored.
#include "kernels/common/scores.cuh"
#include "kernels/fused/score_keys.cuh"

// alone on a multiprocessor: for two CTAs ptxas would spill
extern "C" __global__ void __launch_bounds__(gemm::THREADS, 1) score_keys(const __grid_constant__ ScoreKeysParams p) {
  extern __shared__ uint4 dynamic[];
  __shared__ indexer::Shared shared;
  __shared__ scores::Smem smem;
  const indexer::Share share(p, shared, dynamic, 1);
  share.begin();

  const int tok = share.token0, n_tile = share.tiles(gemm::B_N), begin = share.begin_of(n_tile), end = share.end_of(n_tile);
  const int first = begin * gemm::B_N;
  const bool paired = p.n_entry % 2 == 0 && mma::aligned(p.s, 8);
  for (int t = begin; t < end; ++t)
    scores::run(p, smem, tok, t * gemm::B_N, [&](int n, float s0, float s1) {
      if (p.s) gemm::store_pair(p.s + int64_t(tok) * p.n_entry, n, p.n_entry, paired, s0, s1);
      share.keep(0, n, n - first, s0);
      share.keep(0, n + 1, n + 1 - first, s1);
    });
  __syncthreads();
  share.finish(first, (end - begin) * gemm::B_N);
}
