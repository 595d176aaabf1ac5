// A tile of the indexer's scores on warp-level tensor cores: one token and 64 entries. Heads are the rows of A (64 a pass), entries the
// columns, four warps over them; codes widen exactly to 16 bits.
#pragma once
#include "kernels/common/gemm.cuh"
#include "kernels/common/reduce.cuh"

namespace scores {

using namespace gemm;
constexpr int G = 8;

// Formats. head, entry: eight elements of k .. k + 7 of a row, the same order in both, zeros beyond the width. weight: of a head.
// finish: an entry's sum over heads, whole.

// A scale a 32-block, in which a chunk of eight stays; codes become bf16 with their scale, in the order 0 4 | 1 5 | 2 6 | 3 7.
struct Mxfp4 {
  using Kind = mma::Bf16;
  static constexpr int LOAD_BYTES = 4;

  template <bool VEC>
  static __device__ __forceinline__ void load(const uint8_t* codes, const uint8_t* scales, int64_t row, int k, int width,
                                              uint32_t (&h)[4]) {
    const int n_block = (width + 31) / 32;
    const uint32_t scale = k < width ? scales[row * n_block + k / 32] : 127;
    mma::bf16_from_e2m1x8(load_e2m1x8<VEC>(codes, row * width, k, width), scale, h);
  }
  template <bool VEC, class Params>
  static __device__ __forceinline__ void head(const Params& p, int64_t row, int k, uint32_t (&h)[4]) {
    load<VEC>(p.q, p.q_s, row, k, p.width, h);
  }
  template <bool VEC, class Params>
  static __device__ __forceinline__ void entry(const Params& p, int64_t row, int k, uint32_t (&h)[4]) {
    load<VEC>(p.k, p.k_s, row, k, p.width, h);
  }
  template <class Params>
  static __device__ __forceinline__ float weight(const Params& p, int64_t head) {
    return __bfloat162float(__float2bfloat16_rn(__bfloat162float(p.w[head]) * p.scale));
  }
  template <class Params>
  static __device__ __forceinline__ float finish(const Params&, int, float sum) { return sum; }
};

// A scale a row: a head's goes into its weight, an entry's multiplies the sum. Codes become f16: the sums of e4m3's own instruction are
// too coarse on sm_90.
struct Fp8 {
  using Kind = mma::F16;
  static constexpr int LOAD_BYTES = 8;

  template <bool VEC>
  static __device__ __forceinline__ void load(const uint8_t* row, int k, int width, uint32_t (&h)[4]) {
    const uint2 codes = load_e4m3x8<VEC>(row, k, width);
    mma::f16_from_e4m3x4(codes.x, h[0], h[1]);
    mma::f16_from_e4m3x4(codes.y, h[2], h[3]);
  }
  template <bool VEC, class Params>
  static __device__ __forceinline__ void head(const Params& p, int64_t row, int k, uint32_t (&h)[4]) {
    load<VEC>(p.q + row * p.width, k, p.width, h);
  }
  template <bool VEC, class Params>
  static __device__ __forceinline__ void entry(const Params& p, int64_t row, int k, uint32_t (&h)[4]) {
    load<VEC>(p.k + row * p.width, k, p.width, h);
  }
  template <class Params>
  static __device__ __forceinline__ float weight(const Params& p, int64_t head) {
    return __bfloat162float(p.w[head]) * p.scale * ue8m0_to_f32(p.q_s[head]);
  }
  template <class Params>
  static __device__ __forceinline__ float finish(const Params& p, int n, float sum) {
    return sum * p.k_s[min(n, p.n_entry - 1)];
  }
};

struct Smem {
  TileA<G> q;
  float weight[B_M];
};

template <class Format, bool VEC, class Params, class Store>
__device__ __forceinline__ void tile(const Params& p, Smem& smem, int tok, int first, const Store& store) {
  const Lane lane;
  const int tid = threadIdx.x;
  const int n0 = first + lane.warp * 8 * N_TILES;

  int k_row[N_TILES];
#pragma unroll
  for (int t = 0; t < N_TILES; ++t) k_row[t] = min(n0 + 8 * t + lane.r, p.n_entry - 1);

  float s[N_TILES][2] = {};  // this lane's heads of columns 2q, 2q + 1
  int buffer = 0;
  for (int head0 = 0; head0 < p.n_head; head0 += B_M) {
    const int heads = min(B_M, p.n_head - head0);
    // this thread stages heads tid / 16 + 8 i
    const int64_t q_row = int64_t(tok) * p.n_head + head0 + tid / 16;
    __syncthreads();  // weights of the last pass are read
    if (tid < heads) smem.weight[tid] = Format::weight(p, int64_t(tok) * p.n_head + head0 + tid);

    // dot = q . k
    float dot[M_TILES][N_TILES][4] = {};
    for (int d0 = 0; d0 < p.width; d0 += B_K, buffer ^= 1) {
      uint32_t b[N_TILES][CHUNKS][4];
#pragma unroll
      for (int t = 0; t < N_TILES; ++t)
#pragma unroll
        for (int j = 0; j < CHUNKS; ++j)
          Format::template entry<VEC>(p, k_row[t], d0 + lane_k<G>(j, lane.q), b[t][j]);
#pragma unroll
      for (int i = 0; i < B_M / 8; ++i)
        if (tid / 16 + 8 * i < heads) {
          uint32_t h[4];
          Format::template head<VEC>(p, q_row + 8 * i, d0 + 8 * (tid % 16), h);
          smem.q.put(buffer, tid / 16 + 8 * i, tid % 16, {h[0], h[1], h[2], h[3]});
        }
      __syncthreads();
#pragma unroll
      for (int i = 0; i < M_TILES; ++i)
        if (16 * i < heads)
          dot_block<G, false>(typename Format::Kind{}, dot[i], smem.q, buffer, 16 * i + lane.r, heads, lane.q, b);
    }

    // s += relu(dot) * weight
#pragma unroll
    for (int i = 0; i < M_TILES; ++i)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int h = 16 * i + lane.r + 8 * half;
        if (h < heads) {
          const float weight = smem.weight[h];
#pragma unroll
          for (int t = 0; t < N_TILES; ++t)
#pragma unroll
            for (int c = 0; c < 2; ++c) {
              const float x = dot[i][t][2 * half + c];
              s[t][c] += (x < 0.0f ? 0.0f : x) * weight;
            }
        }
      }
  }

  // the eight lanes of a column hold its heads
#pragma unroll
  for (int t = 0; t < N_TILES; ++t) {
#pragma unroll
    for (int c = 0; c < 2; ++c)
#pragma unroll
      for (int o = 4; o < 32; o *= 2) s[t][c] += __shfl_xor_sync(FULL_WARP, s[t][c], o);
    const int n = n0 + 8 * t + 2 * lane.q;
    if (lane.r == 0) store(n, Format::finish(p, n, s[t][0]), Format::finish(p, n + 1, s[t][1]));
  }
}

// Scores of entries `first` .. `first` + B_N - 1 with token `tok`: store(n, score, score of n + 1) takes them by pairs; n may lie beyond the
// last entry. The threads meet before `smem` is used again.
template <class Format, class Params, class Store>
__device__ __forceinline__ void run(const Params& p, Smem& smem, int tok, int first, const Store& store) {
  if (p.width % 8 == 0 && mma::aligned(p.q, Format::LOAD_BYTES) && mma::aligned(p.k, Format::LOAD_BYTES))
    tile<Format, true>(p, smem, tok, first, store);
  else
    tile<Format, false>(p, smem, tok, first, store);
}

}  // namespace scores
