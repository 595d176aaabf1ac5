// hc_post_norm: a sublayer's output put back into the streams, and of those hc_pre_norm, which the next sublayer takes
//   z bf16 [n_tok, d_model]   x bf16 [n_tok, 4, d_model]   post_in f32 [n_tok, 4]   comb_in f32 [n_tok, 4, 4]
//   streams bf16 [n_tok, 4, d_model]; the others as in hc_pre_norm
// Numerics: streams are those of hc_post, rounded to bf16 before they are used; the rest, parallel, bound: kernels/fused/streams.cuh.
#include "hc_post_norm.h"

#include "kernels/fused/post.cuh"
#include "kernels/fused/streams.cuh"

extern "C" __global__ void __launch_bounds__(plan::Streams::THREADS, 1) hc_post_norm(const __grid_constant__ HcPostNormParams p) {
  streams::run<streams::N_MIX>(p, [&](int64_t tok) {
    return [post = streams::Post(p, tok), z = p.z + tok * p.d_model](int c, uint4 (&v)[streams::HC]) { post(c, load16(z + c), v); };
  });
}
