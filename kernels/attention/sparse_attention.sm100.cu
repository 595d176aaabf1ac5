// sparse_attention on tcgen05: each query attends to the pool rows of its key list; keys are values; a sink joins the denominator only.
//
//   t[j] = (q . k[idx[j]]) * scale * log2(e); m = ceil(max of t over slots with idx >= 0); P[j] = 2^(t[j] - m)
//   L = sum P + 2^(sink * log2(e) - m); o = bf16(sum bf16(P[j]) k[idx[j]] / L)
//
// cite      DeepSeek-V4 inference/kernel.py sparse_attn
// shapes    q bf16 [n_tok, n_head, 512], kv bf16 [n_kv, 512], idx i32 [n_tok, n_key], sink f32 [n_head]
//           -> o bf16 [n_tok, n_head, 512]; any number of tokens, heads and keys
// numerics  f32 scores and sums, P in bf16 for the second product. m runs: an integer, so it moves without a rounding (anchor.cuh).
//           A slot without a key arrives as a row of zeros and gets P = 0; a query without keys gives 0
// parallel  one CTA a token and 64 heads, or a pair of them a token and 128, in tiles of 64 keys; where CTAs are few a cluster shares the
//           list
#include "sparse_attention.h"

#include "kernels/common/umma_attention_rows.cuh"

template <int32_t CTAS>
using Keys = umma_attention::Rows<CTAS>;

template <int32_t CTAS>
__device__ __forceinline__ void attend(const SparseAttentionSm100Params& p) {
  extern __shared__ uint8_t dynamic[];
  __shared__ umma_attention::Shared sh;
  umma_attention::run<Keys<CTAS>>(p, p.o_map, attention_out::Plain{p.op.o, p.op.head_dim}, sh, dynamic);
}

extern "C" __global__ void __launch_bounds__(umma_attention::threads<Keys<1>>, 1)
    sparse_attention(const __grid_constant__ SparseAttentionSm100Params p) {
  attend<1>(p);
}
extern "C" __global__ void __launch_bounds__(umma_attention::threads<Keys<plan::PAIR>>, 1)
    sparse_attention_cta_pair(const __grid_constant__ SparseAttentionSm100Params p) {
  attend<plan::PAIR>(p);
}
