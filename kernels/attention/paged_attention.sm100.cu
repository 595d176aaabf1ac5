// paged_attention on tcgen05: sparse_attention whose keys are slots of the packed FP8 cache.
//
// cite      FlashMLA tests/quant.py (MODEL1), csrc/sm100/decode; DeepSeek-V4 inference/kernel.py sparse_attn
// shapes    q bf16 [n_tok, n_head, 512], cache u8 [n_page, page bytes], idx i32 [n_tok, n_key] slots, sink f32 [n_head]
//           -> o bf16 [n_tok, n_head, 512]; any number of tokens, heads and keys
// numerics  those of sparse_attention: a code times its scale is a bf16
// parallel  that of sparse_attention (kernels/common/umma_attention.cuh) with four warps that unpack keys
#include "paged_attention.h"

#include "kernels/common/umma_attention_pages.cuh"

template <int32_t CTAS>
using Keys = umma_attention::Pages<CTAS>;

template <int32_t CTAS>
__device__ __forceinline__ void attend(const PagedAttentionSm100Params& p) {
  extern __shared__ uint8_t dynamic[];
  __shared__ umma_attention::Shared sh;
  umma_attention::run<Keys<CTAS>>(p, p.o_map, attention_out::Plain{p.op.o, p.op.head_dim}, sh, dynamic);
}

extern "C" __global__ void __launch_bounds__(umma_attention::threads<Keys<1>>, 1)
    paged_attention(const __grid_constant__ PagedAttentionSm100Params p) {
  attend<1>(p);
}
extern "C" __global__ void __launch_bounds__(umma_attention::threads<Keys<plan::PAIR>>, 1)
    paged_attention_cta_pair(const __grid_constant__ PagedAttentionSm100Params p) {
  attend<plan::PAIR>(p);
}
