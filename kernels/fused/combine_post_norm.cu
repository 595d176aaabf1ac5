// combine_post_norm: the experts' outputs added and put back into the streams, and of those hc_pre_norm, which the next block's attention
//   takes
//   routed bf16 [n_row, d_model]   slot_row i32 [n_tok, n_act]   shared bf16 [n_tok, d_model]   z bf16 [n_tok, d_model] or null
//   the others as in hc_post_norm
// Numerics: those of moe_combine and hc_post; z and streams are rounded to bf16 before they are used. The rest, parallel, bound:
//   kernels/fused/streams.cuh.
#include "combine_post_norm.h"

#include "kernels/common/combine.cuh"
#include "kernels/fused/post.cuh"
#include "kernels/fused/streams.cuh"

extern "C" __global__ void __launch_bounds__(plan::Streams::THREADS, 1) combine_post_norm(const __grid_constant__ CombinePostNormParams p) {
  streams::run<streams::N_MIX>(p, [&](int64_t tok) {
    return [&p, tok, post = streams::Post(p, tok)](int c, uint4 (&v)[streams::HC]) {
      const uint4 z = combine8(p.routed + c, p.slot_row + tok * p.n_act, p.n_act, p.shared + tok * p.d_model + c, p.d_model);
      if (p.z) store16(p.z + tok * p.d_model + c, z);
      post(c, z, v);
    };
  });
}
