// Streams to a sublayer's input in one launch: hc_mix, hc_split or hc_head_split, hc_collapse, rmsnorm and act_quant_fp8 of a tile of
// tokens whose streams a cluster shares.
// Numerics: those of the ops; the collapsed and the normed row are rounded to bf16 before they are used, also where nobody asks for them.
//   Dot products are f32: a lane's channels, the lanes of a warp, streams, CTAs by rank. Squares of the collapsed row are added by blocks
//   of 128 channels. So a token's bits depend neither on the tokens beside it nor on how many they are.
// Parallel: a CTA holds its channels of all streams in shared memory as f32. For the products a warp takes a stream and half of fn's rows,
//   which it reads once for all tokens; else a token has an equal share of the eight warps. A ninth warp makes post and comb meanwhile:
//   the 2 iters normalisations are as long as all that comes after the gates.
// Bound: fn from L2, 96 bytes a channel and stream, once a tile.
#pragma once
#include "kernels/common/mhc.cuh"
#include "kernels/common/norm.cuh"
#include "kernels/common/quant.cuh"
#include "kernels/ptx/cluster.cuh"

namespace streams {

using Plan = plan::Streams;
constexpr int HC = Plan::HC, WARPS = Plan::WARPS, WORKERS = 32 * WARPS;
constexpr int MOST_TOKENS = Plan::MOST_TOKENS;
constexpr int LANES = Plan::BLOCK / 8;  // of a block of channels
constexpr int N_MIX = (2 + HC) * HC, N_HEAD_MIX = HC;

// What the CTAs of a cluster read of each other, and the gates of the tile's tokens.
template <int ROWS>
struct Shared {
  alignas(16) float dots[MOST_TOKENS][ROWS + 1][HC];  // of fn's rows with the CTA's channels, by stream; in the last row x with itself
  float squares[MOST_TOKENS][Plan::MOST_BLOCKS];      // of the collapsed row, by block
  float mix[MOST_TOKENS][ROWS], pre[MOST_TOKENS][HC];
};

// The part of a tile that this CTA has.
struct Share {
  Plan l;
  int rank, n_rank, tok0, n_tok, d_model;
  int begin, n;  // channels

  __device__ Share(int n_tok, int d_model)
      : l(n_tok, d_model),
        rank(ptx::cluster_ctarank()),
        n_rank(ptx::cluster_nctarank()),
        tok0(blockIdx.x / n_rank * l.tokens),
        n_tok(n_tok),
        d_model(d_model),
        begin(rank * l.slice),
        n(min(l.slice, d_model - begin)) {}
};

// Where this thread works when each of T tokens has an equal share of the workers.
template <int T>
struct Place {
  static constexpr int THREADS = WORKERS / T, STEP = THREADS * 8;
  int slot = threadIdx.x / THREADS, first = threadIdx.x % THREADS * 8;  // of the tile's tokens; of the share's channels
  int warp_first = first - threadIdx.x % 32 * 8;
};

__device__ inline void widen_to(float* to, uint4 x) {
  float v[8];
  widen8(x, v);
  store16(to, {__float_as_uint(v[0]), __float_as_uint(v[1]), __float_as_uint(v[2]), __float_as_uint(v[3])});
  store16(to + 4, {__float_as_uint(v[4]), __float_as_uint(v[5]), __float_as_uint(v[6]), __float_as_uint(v[7])});
}
__device__ inline float4 load_f32x4(const float* p) { return *reinterpret_cast<const float4*>(p); }

__device__ inline void add_dot(const float4& a, const float4& b, float& sum) {
  sum = fmaf(a.w, b.w, fmaf(a.z, b.z, fmaf(a.y, b.y, fmaf(a.x, b.x, sum))));
}

// source(tok)(channel, x) gives eight channels of a token's streams. Tokens that are not there have zeros.
template <int T, class Source>
__device__ inline void fill(const Share& s, float* x, Source source) {
  const Place<T> at;
  float* to = x + at.slot * HC * s.l.slice;
  if (s.tok0 + at.slot < s.n_tok) {
    const auto of_token = source(s.tok0 + at.slot);
    for (int c = at.first; c < s.n; c += at.STEP) {
      uint4 v[HC];
      of_token(s.begin + c, v);
#pragma unroll
      for (int j = 0; j < HC; ++j) widen_to(to + j * s.l.slice + c, v[j]);
    }
  } else {
    for (int c = at.first; c < s.n; c += at.STEP)
#pragma unroll
      for (int j = 0; j < HC; ++j) widen_to(to + j * s.l.slice + c, uint4{});
  }
}

// fn's rows with the share's channels of each token.
template <int T, int ROWS>
__device__ inline void products(const Share& s, const float* fn, const float* x, Shared<ROWS>& sh) {
  constexpr int R = ROWS / 2, N = R == 2 ? 4 : 16;  // a warp's rows; their sums and that of the squares, to a power of two
  static_assert(R < N && WARPS == 2 * HC, "a warp has half of the rows of a stream");
  const int lane = threadIdx.x % 32, stream = threadIdx.x / 32 % HC, row0 = threadIdx.x / 32 / HC * R;
  const int64_t stride = int64_t(HC) * s.d_model;
  const float* f = fn + row0 * stride + int64_t(stream) * s.d_model + s.begin;
  const float* of_stream = x + stream * s.l.slice;
  float sums[T][N] = {};
#pragma unroll(T == 1 ? 2 : 1)
  for (int c = lane * 4; c < s.n; c += 32 * 4) {
    float4 v[T];
#pragma unroll
    for (int t = 0; t < T; ++t) {
      v[t] = load_f32x4(of_stream + t * HC * s.l.slice + c);
      add_dot(v[t], v[t], sums[t][R]);
    }
#pragma unroll
    for (int r = 0; r < R; ++r) {
      const float4 w = load_f32x4(f + r * stride + c);
#pragma unroll
      for (int t = 0; t < T; ++t) add_dot(w, v[t], sums[t][r]);
    }
  }
#pragma unroll
  for (int t = 0; t < T; ++t) {
    const float sum = warp_sums(sums[t], lane);  // lane i < N holds sums[t][i]
    if (lane < R) sh.dots[t][row0 + lane][stream] = sum;
    if (lane == R && row0 == 0) sh.dots[t][ROWS][stream] = sum;
  }
}

// Of every CTA's products the mixes, and the gates of the collapse. A warp a token, a lane a row.
template <int T, int ROWS, class Params>
__device__ inline void gates(const Params& p, const Share& s, Shared<ROWS>& sh) {
  const int slot = threadIdx.x / 32, lane = threadIdx.x % 32, tok = s.tok0 + slot;
  if (slot >= T || tok >= s.n_tok) return;
  float sum = 0.f;
  for (int r = 0; r < s.n_rank; ++r) {
    const float4 v = ptx::load_cluster_f32x4(ptx::mapa(ptx::shared(sh.dots[slot][min(lane, ROWS)]), r));
    sum += v.x + v.y + v.z + v.w;
  }
  const float mix = sum * norm_factor(__shfl_sync(FULL_WARP, sum, ROWS), HC * s.d_model, p.eps);
  if (lane < ROWS) {
    sh.mix[slot][lane] = mix;
    if (p.mix && s.rank == 0) p.mix[int64_t(tok) * ROWS + lane] = mix;
  }
  if (lane < HC) {
    const auto gate = ROWS == N_HEAD_MIX ? mhc::head_gate : mhc::pre_gate;
    const float pre = gate(mix, p.scale[0], p.base[lane], p.hc_eps);
    sh.pre[slot][lane] = pre;
    if (p.pre && s.rank == 0) p.pre[int64_t(tok) * HC + lane] = pre;
  }
}

// What puts the sublayer's output back: a lane a token.
template <class Params>
__device__ inline void split(const Params& p, const Share& s, const Shared<N_MIX>& sh) {
  const int slot = threadIdx.x % 32;
  const int64_t tok = s.tok0 + slot;
  if (s.rank != 0 || slot >= s.l.tokens || tok >= s.n_tok) return;
  const float* mix = sh.mix[slot];
#pragma unroll
  for (int j = 0; j < HC; ++j) p.post[tok * HC + j] = mhc::post_gate(mix[HC + j], p.scale[1], p.base[HC + j]);
  float c[HC][HC];
  mhc::mixing_matrix<HC>(mix + 2 * HC, p.scale[2], p.base + 2 * HC, p.hc_eps, p.iters, HC, c);
#pragma unroll
  for (int j = 0; j < HC; ++j)
#pragma unroll
    for (int k = 0; k < HC; ++k) p.comb[(tok * HC + j) * HC + k] = c[j][k];
}

// The collapsed row takes the place of the first stream, eight channels as bf16 where as many of f32 were: their own thread's.
template <int T, int ROWS, class Params>
__device__ inline void collapse(const Params& p, const Share& s, float* x, Shared<ROWS>& sh) {
  const Place<T> at;
  if (s.tok0 + at.slot >= s.n_tok) return;
  float* row = x + at.slot * HC * s.l.slice;
  float pre[HC];
#pragma unroll
  for (int j = 0; j < HC; ++j) pre[j] = sh.pre[at.slot][j];
  for (int step = at.warp_first; step < s.n; step += at.STEP) {
    const int c = step + threadIdx.x % 32 * 8;
    const bool inside = c < s.n;
    float sum[8] = {};
#pragma unroll
    for (int j = 0; j < HC; ++j) {
      if (!inside) break;
      const float4 a = load_f32x4(row + j * s.l.slice + c), b = load_f32x4(row + j * s.l.slice + c + 4);
      const float v[8] = {a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w};
      mhc::add_stream(pre[j], v, sum);
    }
    const uint4 y = round_bf16x8(sum);
    const float squares = warp_sum(sum_of_squares8(y, 0.f), LANES);
    if (!inside) continue;
    if (c % Plan::BLOCK == 0) sh.squares[at.slot][c / Plan::BLOCK] = squares;
    store16(row + c, y);
    if (p.collapsed) store16(p.collapsed + int64_t(s.tok0 + at.slot) * s.d_model + s.begin + c, y);
  }
}

// 1 / RMS of a token's collapsed row.
template <int ROWS>
__device__ inline float factor(const Share& s, float eps, const Shared<ROWS>& sh, int slot) {
  const int per_cta = s.l.slice / Plan::BLOCK, n_block = plan::div_up(s.d_model, Plan::BLOCK);
  float sum = 0.f;
  for (int b = threadIdx.x % 32; b < n_block; b += 32)
    sum += ptx::load_cluster_f32(ptx::mapa(ptx::shared(&sh.squares[slot][b % per_cta]), b / per_cta));
  return norm_factor(warp_sum(sum), s.d_model, eps);
}

// The normed row, and with QUANT its codes.
template <int T, bool QUANT, class Params>
__device__ inline void normalise(const Params& p, const Share& s, const float* x, float r) {
  const Place<T> at;
  const int64_t tok = s.tok0 + at.slot;
  if (tok >= s.n_tok) return;
  const float* row = x + at.slot * HC * s.l.slice;
  for (int step = at.warp_first; step < s.n; step += at.STEP) {
    const int c = step + threadIdx.x % 32 * 8, channel = s.begin + c;
    const bool inside = c < s.n;
    const uint4 y = inside ? norm8(load16(row + c), load16(p.w + channel), r) : uint4{};
    if (inside) store16(p.y + tok * s.d_model + channel, y);
    if constexpr (QUANT) {
      const uint32_t code = block_scale_code(warp_max(abs_max_bits(y), p.block / 8), p.floor, E4M3_INV_MAX);
      if (!inside) continue;
      *reinterpret_cast<uint2*>(p.q + tok * s.d_model + channel) = quantise8_e4m3(y, ue8m0_reciprocal(code));
      if (channel % p.block == 0) p.s[tok * plan::div_up(s.d_model, p.block) + channel / p.block] = ue8m0_t(code);
    }
  }
}

template <int T, int ROWS, class Params, class Source>
__device__ inline void tile(const Params& p, const Share& s, float* x, Shared<ROWS>& sh, Source source) {
  constexpr bool HEAD = ROWS == N_HEAD_MIX;
  const bool worker = threadIdx.x < WORKERS;
  if (worker) fill<T>(s, x, source);
  __syncthreads();  // streams
  if (worker) products<T>(s, p.fn, x, sh);
  ptx::cluster_sync();  // dots
  if (worker) gates<T>(p, s, sh);
  __syncthreads();  // mix, pre
  if (worker) {
    collapse<T>(p, s, x, sh);
    ptx::cluster_arrive();  // squares
    ptx::cluster_wait();
    const float r = factor(s, p.eps, sh, Place<T>().slot);
    ptx::cluster_arrive();
    normalise<T, !HEAD>(p, s, x, r);
  } else {
    ptx::cluster_arrive();
    if constexpr (!HEAD) split(p, s, sh);
    ptx::cluster_wait();
    ptx::cluster_arrive();
  }
  ptx::cluster_wait();  // a CTA's sums are there until all have read them
}

// `source` as in fill.
template <int ROWS, class Params, class Source>
__device__ inline void run(const Params& p, Source source) {
  extern __shared__ float4 dynamic[];
  __shared__ Shared<ROWS> shared;
  float* const x = reinterpret_cast<float*>(dynamic);
  const Share s(p.n_tok, p.d_model);
  bool fits = Plan::takes(p.hc, p.d_model);
  if constexpr (ROWS == N_MIX) fits = fits && p.n_mix == ROWS && p.block >= 8 && Plan::BLOCK % p.block == 0;
  if (!fits) asm("trap;");  // the declaration's restrictions
  if (s.l.tokens == 1)
    tile<1>(p, s, x, shared, source);
  else
    tile<MOST_TOKENS>(p, s, x, shared, source);
}

// A token's streams, as they are.
struct Stored {
  const bf16_t* x;
  int64_t d_model;

  __device__ Stored(const bf16_t* x, int64_t tok, int64_t d_model) : x(x + tok * HC * d_model), d_model(d_model) {}
  __device__ void operator()(int c, uint4 (&v)[HC]) const {
#pragma unroll
    for (int j = 0; j < HC; ++j) v[j] = load16(x + j * d_model + c);
  }
};

}  // namespace streams
