// index_scores_fp8: how well each compressed entry answers a query of the indexer, both in FP8.
//
//   s[tok][n] = k_s[n] * sum over h of relu(q[tok][h] . k[n]) * (w[tok][h] * scale * 2^(q_s[tok][h] - 127))
//
// cite      DeepGEMM fp8_mqa_logits; its weights as vLLM's indexer makes them of w and the query's scale
// shapes    q e4m3 [n_tok, n_head, width], q_s ue8m0 [n_tok, n_head], k e4m3 [n_entry, width], k_s f32 [n_entry], w bf16
//           [n_tok, n_head] -> s f32 [n_tok, n_entry]; any sizes
// numerics  codes widen to f16, exactly; f32 dot products, weights, sum, and one product with the entry's scale; NaN passes the relu; no
//           mask
// parallel  one CTA a token and 64 entries (scores.cuh)
#include "index_scores_fp8.h"

#include "kernels/common/scores.cuh"

// alone on a multiprocessor: for two CTAs ptxas would spill
extern "C" __global__ void __launch_bounds__(gemm::THREADS, 1)
    index_scores_fp8(const __grid_constant__ IndexScoresFp8Params p) {
  __shared__ scores::Smem smem;
  const int tok = blockIdx.x;
  const bool paired = p.n_entry % 2 == 0 && mma::aligned(p.s, 8);
  scores::run<scores::Fp8>(p, smem, tok, blockIdx.y * gemm::B_N, [&](int n, float s0, float s1) {
    gemm::store_pair(p.s + int64_t(tok) * p.n_entry, n, p.n_entry, paired, s0, s1);
  });
}
