// paged_attention: sparse_attention whose keys are slots of the packed FP8 cache.
//
// cite      FlashMLA tests/quant.py (MODEL1); DeepSeek-V4 inference/kernel.py sparse_attn
// shapes    q bf16 [n_tok, n_head, 512], cache u8 [n_page, page bytes], idx i32 [n_tok, n_key] slots, sink f32 [n_head]
//           -> o bf16 [n_tok, n_head, 512]
// numerics  those of sparse_attention: a code times its scale is a bf16. A slot below 0 is never read
// parallel  that of sparse_attention (kernels/common/attention.cuh); codes become bf16 on their way into fragments
#include "paged_attention.h"

#include "kernels/common/attention.cuh"

extern "C" __global__ void __launch_bounds__(attention::THREADS, 2)
    paged_attention(const __grid_constant__ PagedAttentionParams p) {
  extern __shared__ __align__(16) uint8_t smem[];
  if (p.head_dim != packed::CHANNELS || uintptr_t(p.cache) % 16 != 0) asm("trap;");
  attention::run(p, attention_keys::Pages{{p.cache, p.page_size}}, attention_out::Plain{p.o, p.head_dim}, p.o, smem);
}
