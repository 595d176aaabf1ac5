// query_heads: the heads of attention normed and turned, those of the indexer turned, transformed and quantised, in one launch
//   q_b bf16 [n_tok, n_head, head_dim], index_b bf16 [n_tok, index_n_head, index_dim]
//   -> q bf16 [n_tok, n_head, head_dim]; index_q e2m1 [n_tok * index_n_head, index_dim], index_s ue8m0
// Numerics: those of the parts; every value between them is rounded to bf16, also where nobody asks for it.
// Parallel: a CTA of 4 warps takes 8 heads of a token, attention's before the indexer's, and computes the token's sines once. A warp
//   takes whole heads of attention; an indexer's head of 128 channels takes 16 lanes.
// Bound: memory, 4 bytes an element of q, 2.5 of the indexer's.
#include "query_heads.h"

#include "kernels/common/mxfp4_row.cuh"
#include "kernels/common/q_head.cuh"

namespace {

constexpr int HEADS = 8;  // of a CTA: as many as the launch's grid assumes

__device__ inline void attention_heads(const QueryHeadsParams& p, int64_t tok, int first, const float2* cos_sin) {
  const QHead of{p.head_dim, p.n_freq, p.eps, cos_sin};
  const bool vectors = of.are_vectors(p.q_b, p.q);
  const int end = min(p.n_head, first + HEADS);
  for (int head = first + threadIdx.x / 32; head < end; head += blockDim.x / 32) {
    const int64_t at = (tok * p.n_head + head) * p.head_dim;
    if (vectors)
      of.vectors(p.q_b + at, p.q + at, threadIdx.x % 32);
    else
      of.scalars(p.q_b + at, p.q + at, threadIdx.x % 32);
  }
}

__device__ inline void index_heads(const QueryHeadsParams& p, int64_t tok, int first, const float2* cos_sin) {
  const int D = p.index_dim, n_plain = D - 2 * p.n_freq;
  if (D < mxfp4::BLOCK || D > 256 || (D & (D - 1)) != 0 || p.n_freq % 4 != 0 || n_plain < 0) asm("trap;");
  // whole warps: eight heads of 32 channels are one
  for (int e = threadIdx.x * 8; e < HEADS * D; e += blockDim.x * 8) {
    const int head = first + e / D, c = e % D;
    const bool inside = head < p.index_n_head;
    const int64_t row = tok * p.index_n_head + head;
    uint4 v = inside ? load16(p.index_b + row * D + c) : uint4{};
    if (c >= n_plain) v = rotate8(v, cos_sin + (c - n_plain) / 2);
    if (inside && p.index_turned) store16(p.index_turned + row * D + c, v);
    const Mxfp4Row to{p.index_had ? p.index_had + row * D : nullptr, p.index_q + row * D / 2, p.index_s + row * (D / mxfp4::BLOCK)};
    to.store(v, c, D, inside);
  }
}

}  // namespace

extern "C" __global__ void __launch_bounds__(128) query_heads(const __grid_constant__ QueryHeadsParams p) {
  extern __shared__ float2 cos_sin[];  // [n_freq]
  const int64_t tok = blockIdx.x;
  for (int i = threadIdx.x; i < p.n_freq; i += blockDim.x) cos_sin[i] = turn_of(p.pos[tok], p.freq[i]);
  __syncthreads();
  const int n_attention = (p.n_head + HEADS - 1) / HEADS, block = blockIdx.y;
  if (block < n_attention)
    attention_heads(p, tok, block * HEADS, cos_sin);
  else
    index_heads(p, tok, (block - n_attention) * HEADS, cos_sin);
}
