// hc_post of a token with four streams, eight channels at a time, for kernels that have the sublayer's output in registers.
#pragma once
#include "kernels/common/mhc.cuh"

namespace streams {

struct Post {
  static constexpr int HC = 4;
  const bf16_t* x;
  bf16_t* y;
  int64_t d_model;
  float post[HC], comb[HC][HC];  // comb: source, destination

  template <class Params>
  __device__ Post(const Params& p, int64_t tok) : x(p.x + tok * HC * p.d_model), y(p.streams + tok * HC * p.d_model), d_model(p.d_model) {
#pragma unroll
    for (int k = 0; k < HC; ++k) post[k] = p.post_in[tok * HC + k];
#pragma unroll
    for (int j = 0; j < HC; ++j)
#pragma unroll
      for (int k = 0; k < HC; ++k) comb[j][k] = p.comb_in[(tok * HC + j) * HC + k];
  }

  // Channels c .. c + 7 of the streams after the sublayer gave z, stored and in v.
  __device__ void operator()(int c, uint4 z, uint4 (&v)[HC]) const {
    float zs[8], xs[HC][8];
    widen8(z, zs);
#pragma unroll
    for (int j = 0; j < HC; ++j) widen8(load16(x + j * d_model + c), xs[j]);
#pragma unroll
    for (int k = 0; k < HC; ++k) {
      const float to[HC] = {comb[0][k], comb[1][k], comb[2][k], comb[3][k]};
      v[k] = mhc::post8(zs, xs, post[k], to);
      store16(y + k * d_model + c, v[k]);
    }
  }
};

}  // namespace streams
