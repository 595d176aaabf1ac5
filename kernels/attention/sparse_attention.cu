// sparse_attention: each query attends to the pool rows of its key list; keys are values; a sink joins the
// denominator only.
//
//   t[j] = (q . k[idx[j]]) * scale * log2(e); m = ceil(max of t over slots with idx >= 0); P[j] = 2^(t[j] - m)
//   L = sum P + 2^(sink * log2(e) - m); o = bf16(sum bf16(P[j]) k[idx[j]] / L)
//
// cite      DeepSeek-V4 inference/kernel.py sparse_attn
// shapes    q bf16 [n_tok, n_head, head_dim], kv bf16 [n_kv, head_dim], idx i32 [n_tok, n_key], sink f32
//           [n_head] -> o bf16 [n_tok, n_head, head_dim]; any sizes
// numerics  f32 scores and sums; P is rounded to bf16 for the second product only. m is known before the first P
//           is made, so keys go by twice; the scores of up to KEY_CHUNK keys wait in shared memory, longer
//           lists are scored twice. A slot with idx < 0 is never read; a query without keys gives 0
// parallel  one CTA a token and 16 heads (kernels/common/attention.cuh)
#include "sparse_attention.h"

#include "kernels/common/attention.cuh"

extern "C" __global__ void __launch_bounds__(attention::THREADS, 2)
    sparse_attention(const __grid_constant__ SparseAttentionParams p) {
  extern __shared__ __align__(16) uint8_t smem[];
  attention::run(p, attention_out::Plain{p.o, p.head_dim}, p.o, smem);
}
