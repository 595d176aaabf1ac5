// attention_derope on tcgen05: sparse_attention and the inverse rotation of its output, in one launch
//   as sparse_attention, and pos i32 [n_tok], freq f32 [n_freq]; o bf16 [n_tok, n_head, 512] or null -> y bf16, the same shape
// Numerics: those of the parts; o is rounded to bf16, then turned in f32 and rounded again, also where nobody asks for it.
// Parallel: that of sparse_attention (kernels/common/umma_attention.cuh); a CTA computes its token's sines before its warps part.
#include "attention_derope.h"

#include "kernels/common/umma_attention_rows.cuh"

static_assert(sizeof(umma_attention::Shared) + sizeof(float2) * attention_out::MOST_PAIRS + plan::Attention::SMEM_BYTES <= plan::SMEM,
              "one CTA fits into a multiprocessor");

template <int32_t CTAS>
using Keys = umma_attention::Rows<CTAS>;

template <int32_t CTAS>
__device__ __forceinline__ void attend(const AttentionDeropeSm100Params& p) {
  extern __shared__ uint8_t dynamic[];
  __shared__ umma_attention::Shared sh;
  __shared__ float2 cos_sin[attention_out::MOST_PAIRS];
  const attention_out::TurnedBack out{p.op.o, p.op.y, p.op.pos, p.op.freq, p.op.head_dim, p.op.n_freq, cos_sin};
  umma_attention::run<Keys<CTAS>>(p, p.y_map, out, sh, dynamic);
}

extern "C" __global__ void __launch_bounds__(umma_attention::threads<Keys<1>>, 1)
    attention_derope(const __grid_constant__ AttentionDeropeSm100Params p) {
  attend<1>(p);
}
extern "C" __global__ void __launch_bounds__(umma_attention::threads<Keys<plan::PAIR>>, 1)
    attention_derope_cta_pair(const __grid_constant__ AttentionDeropeSm100Params p) {
  attend<plan::PAIR>(p);
}
