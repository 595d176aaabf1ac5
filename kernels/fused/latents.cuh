// Rows of one token or entry each, on their way from a projection to the format in which they are kept: the query's latent, the window's
// keys, and the compressed keys of attention and indexer. A CTA takes a row; what the parts share of the parameters has one name in all
// of these fusions (latent_parts.ts).
#pragma once
#include "kernels/common/fp8_sim.cuh"
#include "kernels/common/mxfp4_row.cuh"
#include "kernels/common/norm_quant.cuh"
#include "kernels/common/pool.cuh"
#include "kernels/common/rope.cuh"

namespace latents {

// Eight channels a thread of at most 256; the declarations say the same.
constexpr int MOST_CHANNELS = 2048, MOST_PAIRS = 256;

struct Shared {
  float scratch[32];
  float2 cos_sin[MOST_PAIRS];
  alignas(16) bf16_t pooled[MOST_CHANNELS];
};

// A row of a tap that may be null.
__device__ inline bf16_t* row_of(bf16_t* tap, int64_t i, int width) { return tap ? tap + i * width : nullptr; }

// RMSNorm and rotation of a row of which thread t has channels 8 t .. 8 t + 7.
struct NormAndTurn {
  const bf16_t* w;
  const float* freq;
  int width, n_freq, pos;
  float eps;
  bf16_t *normed, *turned;  // null where nobody watches

  __device__ inline uint4 of(uint4 x, Shared& sh) const {
    for (int i = threadIdx.x; i < n_freq; i += blockDim.x) sh.cos_sin[i] = turn_of(pos, freq[i]);
    // the sum's barrier (a CTA has two warps at least) is the sines' too
    const float r = norm_factor(block_sum(sum_of_squares8(x, 0.f), sh.scratch), width, eps);
    const int c = threadIdx.x * 8, pair = (c - (width - 2 * n_freq)) / 2;
    if (c >= width) return {};
    const uint4 y = norm8(x, load16(w + c), r);
    if (normed) store16(normed + c, y);
    const uint4 z = pair < 0 ? y : rotate8(y, sh.cos_sin + pair);
    if (turned) store16(turned + c, z);
    return z;
  }
};

template <class P>
__device__ inline void check(const P& p) {
  const int group = p.kv_block / 8;
  if (p.head_dim % 8 != 0 || p.n_freq % 4 != 0 || p.n_nope % 8 != 0 || p.kv_block % 8 != 0 || group > 32 || (group & (group - 1)) != 0 ||
      p.head_dim > int(blockDim.x) * 8 || p.n_freq > MOST_PAIRS)
    asm("trap;");
}

template <class P>
__device__ inline void q_row(const P& p, int64_t i, Shared& sh) {
  const NormQuantRow row{p.q_a + i * p.q_lora,
                         p.q_w,
                         row_of(p.qr, i, p.q_lora),
                         p.q + i * p.q_lora,
                         p.q_s + i * ((p.q_lora + p.q_block - 1) / p.q_block),
                         p.q_lora,
                         p.q_block,
                         p.eps,
                         p.floor};
  row.run(sh.scratch);
}

// The e4m3 round trip of a turned row's unrotated channels
template <class P>
__device__ inline void keep(const P& p, uint4 x, bf16_t* y) {
  const int c = threadIdx.x * 8;
  if (c - int(threadIdx.x % 32) * 8 >= p.head_dim) return;  // whole warps: a block may lie across the row's end
  const uint4 v = round_trip8(x, c < p.n_nope, p.kv_block / 8);
  if (c < p.head_dim) store16(y + c, v);
}

template <class P>
__device__ inline void kv_row(const P& p, int64_t i, Shared& sh) {
  const int c = threadIdx.x * 8;
  const NormAndTurn way{p.kv_w,  p.freq, p.head_dim, p.n_freq, p.pos[i], p.eps, row_of(p.kv_normed, i, p.head_dim),
                        row_of(p.kv_turned, i, p.head_dim)};
  keep(p, way.of(c < p.head_dim ? load16(p.kv_a + i * p.head_dim + c) : uint4{}, sh), p.kv + i * p.head_dim);
}

// Entry i of the call, pooled into shared memory so that every thread gets eight neighbouring channels.
__device__ inline uint4 pooled(const pooling::Rows& rows, int64_t i, bf16_t* tap, Shared& sh) {
  for (int c = threadIdx.x * 4; c < rows.width; c += blockDim.x * 4) pooling::channels<4>(rows, i, c, sh.pooled + c);
  __syncthreads();
  const int c = threadIdx.x * 8;
  const uint4 v = c < rows.width ? load16(sh.pooled + c) : uint4{};
  if (tap && c < rows.width) store16(tap + i * rows.width + c, v);
  return v;
}

template <class P>
__device__ inline void main_entry(const P& p, int64_t i, Shared& sh) {
  const pooling::Rows rows{p.main_kv, p.main_gate, p.main_ape, p.n_held, p.ratio, p.n_coff, p.head_dim, p.tok0, p.entry0};
  const NormAndTurn way{p.main_w, p.freq, p.head_dim, p.n_freq, p.entry_pos[i], p.eps, row_of(p.main_normed, i, p.head_dim),
                        row_of(p.main_turned, i, p.head_dim)};
  keep(p, way.of(pooled(rows, i, p.main_pooled, sh), sh), p.main + i * p.head_dim);
}

template <class P>
__device__ inline void index_entry(const P& p, int64_t i, Shared& sh) {
  const int D = p.index_dim, c = threadIdx.x * 8;
  if (D < mxfp4::BLOCK || D > 256 || (D & (D - 1)) != 0) asm("trap;");
  const pooling::Rows rows{p.index_kv, p.index_gate, p.index_ape, p.n_held, p.ratio, p.n_coff, D, p.tok0, p.entry0};
  const NormAndTurn way{p.index_w, p.freq, D, p.n_freq, p.entry_pos[i], p.eps, row_of(p.index_normed, i, D), row_of(p.index_turned, i, D)};
  const uint4 v = way.of(pooled(rows, i, p.index_pooled, sh), sh);
  if (threadIdx.x < 32)  // a row lies in one warp
    Mxfp4Row{row_of(p.index_had, i, D), p.index_q + i * D / 2, p.index_s + i * (D / mxfp4::BLOCK)}.store(v, c, D, c < D);
}

}  // namespace latents
