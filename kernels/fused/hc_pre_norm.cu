// hc_pre_norm: the streams that enter a sublayer -> its input, normed, as bf16 and as e4m3 codes, and what puts its output back
//   x bf16 [n_tok, 4, d_model]   fn f32 [24, 4 * d_model]   scale f32 [3]   base f32 [24]   w bf16 [d_model]
//   post f32 [n_tok, 4]   comb f32 [n_tok, 4, 4]   y bf16 [n_tok, d_model]   q e4m3 [n_tok, d_model]   s ue8m0 [n_tok, d_model/block]
//   or null: mix f32 [n_tok, 24]   pre f32 [n_tok, 4]   collapsed bf16 [n_tok, d_model]
// Numerics, parallel, bound: kernels/fused/streams.cuh.
#include "hc_pre_norm.h"

#include "kernels/fused/streams.cuh"

extern "C" __global__ void __launch_bounds__(plan::Streams::THREADS, 1) hc_pre_norm(const __grid_constant__ HcPreNormParams p) {
  streams::run<streams::N_MIX>(p, [&](int64_t tok) { return streams::Stored(p.x, tok, p.d_model); });
}
