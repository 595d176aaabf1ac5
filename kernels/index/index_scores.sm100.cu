// index_scores on tcgen05: how well each compressed entry answers a query of the indexer, both in FP4.
//
//   s[tok][n] = sum over h of relu(q[tok][h] . k[n]) * bf16(w[tok][h] * scale)
//   q, k = code * 2^(s - 127)
//
// cite      DeepSeek-V4 inference/model.py Indexer.forward; rounding as DeepGEMM mqa_logits (f32)
// shapes    q e2m1 [n_tok, n_head, 128], q_s ue8m0 [n_tok, n_head, 4], k e2m1 [n_entry, 128], k_s ue8m0
//           [n_entry, 4], w bf16 [n_tok, n_head] -> s f32 [n_tok, n_entry]; at most 240 heads
// numerics  kind::mxf4: products and scales are exact, f32 accumulation. Heads are summed in their order, two
//           sums of every second one where heads come in sixteens; NaN passes the relu; no mask
// parallel  a tile is 128 entries (rows of A) x the heads of a few tokens (columns); a CTA takes tiles in a row,
//           entries first, so that its tokens stay while entries stream by (umma_scores.cuh)
#include "index_scores.h"
#include "kernels/common/umma_scores.cuh"

extern "C" __global__ void __launch_bounds__(umma_scores::THREADS, 1) index_scores(const __grid_constant__ IndexScoresSm100Params p) {
  using plan::Scores;
  const Scores cut(p.op.n_tok, p.op.n_head, p.op.n_entry);
  const int64_t n_tile = cut.n_tile;
  const umma_scores::Walk walk(cut.n_entry_tile, n_tile * blockIdx.x / gridDim.x, n_tile * (blockIdx.x + 1) / gridDim.x);
  umma_scores::run<umma_scores::Mxfp4>(p, cut, walk, [&](int32_t token, int32_t n, float sum) {
    if (n < p.op.n_entry) p.op.s[int64_t(token) * p.op.n_entry + n] = sum;
  });
}
