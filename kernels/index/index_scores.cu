// index_scores: how well each compressed entry answers a query of the indexer.
//
//   s[tok][n] = sum over h of relu(q[tok][h] . k[n]) * bf16(w[tok][h] * scale)
//
// cite      DeepSeek-V4 inference/model.py Indexer.forward; rounding as DeepGEMM mqa_logits (f32)
// shapes    q bf16 [n_tok, n_head, width], k bf16 [n_entry, width], w bf16 [n_tok, n_head] -> s f32 [n_tok,
//           n_entry]; any sizes
// numerics  f32 dot products and sum; NaN passes the relu; no mask
// parallel  one CTA a token and 64 entries: heads are the rows of A (64 a pass), entries the columns, four
//           warps over them
#include "index_scores.h"
#include "kernels/common/gemm.cuh"
#include "kernels/common/reduce.cuh"

namespace {

using namespace gemm;
constexpr int G = 8;  // one 16-byte load of k a lane

struct Smem {
  TileA<G> q;
  float weight[B_M];
};

template <bool VEC>
__device__ __forceinline__ void tile(const IndexScoresParams& p, Smem& smem) {
  const Lane lane;
  const int tid = threadIdx.x, tok = blockIdx.x;
  const int n0 = blockIdx.y * B_N + lane.warp * 8 * N_TILES;

  const bf16_t* k_row[N_TILES];
#pragma unroll
  for (int t = 0; t < N_TILES; ++t)
    k_row[t] = p.k + int64_t(min(n0 + 8 * t + lane.r, p.n_entry - 1)) * p.width;

  float s[N_TILES][2] = {};  // this lane's heads of columns 2q, 2q + 1
  int buffer = 0;
  for (int head0 = 0; head0 < p.n_head; head0 += B_M) {
    const int heads = min(B_M, p.n_head - head0);
    // this thread stages heads tid / 16 + 8 i
    const bf16_t* q_row = p.q + (int64_t(tok) * p.n_head + head0 + tid / 16) * p.width;
    __syncthreads();  // weights of the last pass are read
    if (tid < heads)
      smem.weight[tid] = __bfloat162float(
          __float2bfloat16_rn(__bfloat162float(p.w[int64_t(tok) * p.n_head + head0 + tid]) * p.scale));

    // dot = q . k
    float dot[M_TILES][N_TILES][4] = {};
    for (int d0 = 0; d0 < p.width; d0 += B_K, buffer ^= 1) {
      uint32_t b[N_TILES][CHUNKS][4];
#pragma unroll
      for (int t = 0; t < N_TILES; ++t)
#pragma unroll
        for (int j = 0; j < CHUNKS; ++j) {
          const uint4 v = load_bf16x8<VEC>(k_row[t], d0 + lane_k<G>(j, lane.q), p.width);
          b[t][j][0] = v.x;
          b[t][j][1] = v.y;
          b[t][j][2] = v.z;
          b[t][j][3] = v.w;
        }
#pragma unroll
      for (int i = 0; i < B_M / 8; ++i)
        if (tid / 16 + 8 * i < heads)
          smem.q.put(buffer, tid / 16 + 8 * i, tid % 16,
                     load_bf16x8<VEC>(q_row + int64_t(8 * i) * p.width, d0 + 8 * (tid % 16), p.width));
      __syncthreads();
#pragma unroll
      for (int i = 0; i < M_TILES; ++i)
        if (16 * i < heads)
          dot_block<G, false>(mma::Bf16{}, dot[i], smem.q, buffer, 16 * i + lane.r, heads, lane.q, b);
    }

    // s += relu(dot) * bf16(w * scale)
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
    if (lane.r == 0)
      store_pair(p.s + int64_t(tok) * p.n_entry, n0 + 8 * t + 2 * lane.q, p.n_entry,
                 p.n_entry % 2 == 0 && mma::aligned(p.s, 8), s[t][0], s[t][1]);
  }
}

}  // namespace

extern "C" __global__ void __launch_bounds__(gemm::THREADS)
    index_scores(const __grid_constant__ IndexScoresParams p) {
  __shared__ Smem smem;
  if (p.width % 8 == 0 && mma::aligned(p.q, 16) && mma::aligned(p.k, 16))
    tile<true>(p, smem);
  else
    tile<false>(p, smem);
}
