// hc_head_norm: the model's last streams -> the normed row that the head multiplies
//   x bf16 [n_tok, 4, d_model]   fn f32 [4, 4 * d_model]   scale f32 [1]   base f32 [4]   w bf16 [d_model]   y bf16 [n_tok, d_model]
//   or null: mix f32 [n_tok, 4]   pre f32 [n_tok, 4]   collapsed bf16 [n_tok, d_model]
// Numerics, parallel, bound: kernels/fused/streams.cuh.
#include "hc_head_norm.h"

#include "kernels/fused/streams.cuh"

extern "C" __global__ void __launch_bounds__(plan::Streams::THREADS, 1) hc_head_norm(const __grid_constant__ HcHeadNormParams p) {
  streams::run<streams::N_HEAD_MIX>(p, [&](int64_t tok) { return streams::Stored(p.x, tok, p.d_model); });
}
