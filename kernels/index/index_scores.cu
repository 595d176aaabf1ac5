// index_scores: how well each compressed entry answers a query of the indexer.
//
//   s[tok][n] = sum over h of relu(q[tok][h] . k[n]) * bf16(w[tok][h] * scale)
//   q, k = code * 2^(s - 127), a scale a 1 x 32 block
//
// cite      DeepSeek-V4 inference/model.py Indexer.forward; rounding as DeepGEMM mqa_logits (f32)
// shapes    q e2m1 [n_tok, n_head, width], q_s ue8m0 [n_tok, n_head, width/32], k e2m1 [n_entry, width], k_s
//           ue8m0 [n_entry, width/32], w bf16 [n_tok, n_head] -> s f32 [n_tok, n_entry]; any sizes
// numerics  codes widen to bf16 with their scale, exactly; f32 dot products and sum; NaN passes the relu; no
//           mask
// parallel  one CTA a token and 64 entries (scores.cuh)
#include "index_scores.h"

#include "kernels/common/scores.cuh"

extern "C" __global__ void __launch_bounds__(gemm::THREADS)
    index_scores(const __grid_constant__ IndexScoresParams p) {
  __shared__ scores::Smem smem;
  const int tok = blockIdx.x;
  const bool paired = p.n_entry % 2 == 0 && mma::aligned(p.s, 8);
  scores::run<scores::Mxfp4>(p, smem, tok, blockIdx.y * gemm::B_N, [&](int n, float s0, float s1) {
    gemm::store_pair(p.s + int64_t(tok) * p.n_entry, n, p.n_entry, paired, s0, s1);
  });
}
