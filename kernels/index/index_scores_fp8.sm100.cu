// index_scores_fp8 on tcgen05: how well each compressed entry answers a query of the indexer, both in FP8.
//
//   s[tok][n] = k_s[n] * sum over h of relu(q[tok][h] . k[n]) * (w[tok][h] * scale * 2^(q_s[tok][h] - 127))
//
// cite      DeepGEMM fp8_mqa_logits; its weights as vLLM's indexer makes them of w and the query's scale
// shapes    q e4m3 [n_tok, n_head, 128], q_s ue8m0 [n_tok, n_head], k e4m3 [n_entry, 128], k_s f32 [n_entry], w bf16 [n_tok, n_head] ->
//           s f32 [n_tok, n_entry]; at most 240 heads
// numerics  kind::f8f6f4: products are exact, f32 accumulation. Heads are summed in their order, two sums of every second one where heads
//           come in sixteens; one product with the entry's scale; NaN passes the relu; no mask
// parallel  a tile is 128 entries (rows of A) x the heads of a few tokens (columns); a CTA takes tiles in a row,
//           entries first, so that its tokens stay while entries stream by (umma_scores.cuh)
#include "index_scores_fp8.h"
#include "kernels/common/umma_scores.cuh"

extern "C" __global__ void __launch_bounds__(umma_scores::THREADS, 1)
    index_scores_fp8(const __grid_constant__ IndexScoresFp8Sm100Params p) {
  const plan::ScoresFp8 cut(p.op.n_tok, p.op.n_head, p.op.n_entry);
  const int64_t n_tile = cut.n_tile;
  const umma_scores::Walk walk(cut.n_entry_tile, n_tile * blockIdx.x / gridDim.x, n_tile * (blockIdx.x + 1) / gridDim.x);
  umma_scores::run<umma_scores::Fp8>(p, cut, walk, [&](int32_t token, int32_t n, float sum) {
    if (n < p.op.n_entry) p.op.s[int64_t(token) * p.op.n_entry + n] = sum;
  });
}
