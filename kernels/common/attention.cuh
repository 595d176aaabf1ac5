// Attention to the pool rows of a key list, for any GPU: one CTA a token and 16 heads (an m16 tile). score: warps take 16 keys each;
// softmax: warps take 4 heads each; value: warps take 64 channels each. Keys go from global memory straight into fragments.
#pragma once
#include "kernels/common/anchor.cuh"
#include "kernels/common/attention_out.cuh"
#include "kernels/common/mma.cuh"
#include "kernels/common/reduce.cuh"
#include "kernels/common/vec.cuh"

namespace attention {

constexpr int HEADS = 16, N_WARP = 4, THREADS = 32 * N_WARP;
// With 512 channels 106 KB of shared memory: two CTAs an SM. The launch declaration repeats it.
constexpr int KEY_CHUNK = 1280;
constexpr int UNIT = 64;         // channels of a warp's value tile: 8 lanes of 8 channels
constexpr int UNITS = 2;         // tiles a warp holds: a pass covers N_WARP * UNITS * UNIT = 512 channels
using anchor::LOG2_E, anchor::NEG_INF;

// Dynamic shared memory: q, then scores, then the chunk's pool rows.
struct Smem {
  uint8_t* q;       // bf16 [HEADS][q_stride bytes]
  float* t;         // f32 [HEADS][t_stride]; P replaces t as bf16 from the start of each row
  int32_t* row;     // [keys]
  int q_stride, t_stride;

  __device__ __forceinline__ Smem(uint8_t* base, int head_dim, int n_key) {
    const int keys = (min(n_key, KEY_CHUNK) + 31) / 32 * 32;
    q_stride = (head_dim + 63) / 64 * 128 + 64;  // + 64 bytes: a phase's two rows meet in different banks
    t_stride = keys + 8;                         // + 8 words: likewise for four rows
    q = base;
    t = reinterpret_cast<float*>(base + HEADS * q_stride);
    row = reinterpret_cast<int32_t*>(t + HEADS * t_stride);
  }
};

// Eight channels from d of a pool row, zero at or beyond head_dim.
template <bool VEC>
__device__ __forceinline__ uint4 load8(const bf16_t* row, int d, int head_dim) {
  uint32_t w[4] = {0, 0, 0, 0};
  if constexpr (VEC) {
    if (d < head_dim) return load16(row + d);
  } else {
    const uint16_t* bits = reinterpret_cast<const uint16_t*>(row);
#pragma unroll
    for (int i = 0; i < 8; ++i)
      if (d + i < head_dim) w[i / 2] |= uint32_t(bits[d + i]) << (16 * (i % 2));
  }
  return {w[0], w[1], w[2], w[3]};
}

// Params: parameters with the names of sparse_attention's. Out: attention_out.cuh.
template <bool VEC, class Params, class Out>
struct Attention {
  const Params& p;
  const Out& out;
  Smem smem;
  int tok, head0, n_head, warp, lane, r, q;

  __device__ __forceinline__ Attention(const Params& params, const Out& to, uint8_t* base)
      : p(params),
        out(to),
        smem(base, params.head_dim, params.n_key),
        tok(blockIdx.x),
        head0(blockIdx.y * HEADS),
        n_head(min(HEADS, params.n_head - head0)),
        warp(threadIdx.x / 32),
        lane(threadIdx.x % 32),
        r(lane / 4),
        q(lane % 4) {}

  // q of the CTA's heads, rows and channels beyond the matrix zero
  __device__ __forceinline__ void stage_q() {
    const int chunks = (p.head_dim + 63) / 64 * 8;
    for (int i = threadIdx.x; i < HEADS * chunks; i += THREADS) {
      const int h = i / chunks, c = i % chunks;
      uint4 v = {0, 0, 0, 0};
      if (h < n_head)
        v = load8<VEC>(p.q + (int64_t(tok) * p.n_head + head0 + h) * p.head_dim, 8 * c, p.head_dim);
      *reinterpret_cast<uint4*>(smem.q + h * smem.q_stride + 16 * c) = v;
    }
  }

  // pool rows of keys first .. first + keys - 1, padded with -1 to whole tiles
  __device__ __forceinline__ void stage_rows(int first, int keys) {
    for (int j = threadIdx.x; j < (keys + 15) / 16 * 16; j += THREADS)
      smem.row[j] = j < keys ? p.idx[int64_t(tok) * p.n_key + first + j] : -1;
  }

  // t[j] = (q . k[idx[j]]) * scale * log2(e), -inf where idx < 0
  __device__ __forceinline__ void score(int keys) {
    const uint8_t* q_lo = smem.q + r * smem.q_stride + 16 * q;
    const uint8_t* q_hi = q_lo + 8 * smem.q_stride;
    const float to_log2 = p.scale * LOG2_E;
    for (int j0 = 16 * warp; j0 < keys; j0 += 16 * N_WARP) {
      const int row0 = smem.row[j0 + r], row1 = smem.row[j0 + 8 + r];
      float dot[2][4] = {};
      if (__any_sync(FULL_WARP, max(row0, row1) >= 0)) {
        const bf16_t* k0 = p.kv + int64_t(max(row0, 0)) * p.head_dim;
        const bf16_t* k1 = p.kv + int64_t(max(row1, 0)) * p.head_dim;
#pragma unroll(VEC ? 4 : 1)
        for (int d = 0; d < p.head_dim; d += 32) {
          uint4 b0 = {0, 0, 0, 0}, b1 = {0, 0, 0, 0};
          if (row0 >= 0) b0 = load8<VEC>(k0, d + 8 * q, p.head_dim);
          if (row1 >= 0) b1 = load8<VEC>(k1, d + 8 * q, p.head_dim);
          const uint4 lo = *reinterpret_cast<const uint4*>(q_lo + 2 * d);
          const uint4 hi = *reinterpret_cast<const uint4*>(q_hi + 2 * d);
          mma::m16n8k16(mma::Bf16{}, dot[0], lo.x, hi.x, lo.y, hi.y, b0.x, b0.y);
          mma::m16n8k16(mma::Bf16{}, dot[0], lo.z, hi.z, lo.w, hi.w, b0.z, b0.w);
          mma::m16n8k16(mma::Bf16{}, dot[1], lo.x, hi.x, lo.y, hi.y, b1.x, b1.y);
          mma::m16n8k16(mma::Bf16{}, dot[1], lo.z, hi.z, lo.w, hi.w, b1.z, b1.w);
        }
      }
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int j = j0 + 8 * half + 2 * q;
        const int2 row = *reinterpret_cast<const int2*>(smem.row + j);
        float* t = smem.t + r * smem.t_stride + j;
        *reinterpret_cast<float2*>(t) =
            make_float2(row.x < 0 ? NEG_INF : dot[half][0] * to_log2, row.y < 0 ? NEG_INF : dot[half][1] * to_log2);
        *reinterpret_cast<float2*>(t + 8 * smem.t_stride) =
            make_float2(row.x < 0 ? NEG_INF : dot[half][2] * to_log2, row.y < 0 ? NEG_INF : dot[half][3] * to_log2);
      }
    }
  }

  // max t of head 4 warp + i
  __device__ __forceinline__ float maximum(int i, int keys, float most) {
    const float* t = smem.t + (HEADS / N_WARP * warp + i) * smem.t_stride;
    for (int j = lane; j < keys; j += 32) most = fmaxf(most, t[j]);
    return most;
  }

  // P = 2^(t - m), rounded to bf16 in place; returns this lane's part of sum P (unrounded). A step reads t
  // before it writes P, and P of 32 keys ends before t of the next 32 begins. Keys up to whole tiles have t =
  // -inf and P = 0.
  __device__ __forceinline__ float exponentials(int i, int keys, float m) {
    float* t = smem.t + (HEADS / N_WARP * warp + i) * smem.t_stride;
    bf16_t* P = reinterpret_cast<bf16_t*>(t);
    const int padded = (keys + 15) / 16 * 16;
    float sum = 0.0f;
    for (int j0 = 0; j0 < padded; j0 += 32) {
      const int j = j0 + lane;
      float e = 0.0f;
      if (j < padded) e = exp2f(t[j] - m);
      __syncwarp();
      if (j < padded) P[j] = __float2bfloat16_rn(e);
      __syncwarp();
      sum += e;
    }
    return sum;
  }

  // acc += sum over keys of bf16(P) k, for channels of units unit0 and unit0 + N_WARP. In a step of 16 keys,
  // lane q owns keys 4q .. 4q + 3; tile c of a unit holds channels 8n + c for n = 0 .. 7, so that a lane's
  // eight channels of a row are one load.
  __device__ __forceinline__ void value(int keys, int unit0, float (&acc)[UNITS][8][4]) {
    const float* P_lo = smem.t + r * smem.t_stride;
    for (int j0 = 0; j0 < keys; j0 += 16) {
      const int4 row = *reinterpret_cast<const int4*>(smem.row + j0 + 4 * q);
      if (!__any_sync(FULL_WARP, max(max(row.x, row.y), max(row.z, row.w)) >= 0)) continue;
      const uint2 lo = reinterpret_cast<const uint2*>(P_lo)[j0 / 4 + q];
      const uint2 hi = reinterpret_cast<const uint2*>(P_lo + 8 * smem.t_stride)[j0 / 4 + q];
#pragma unroll
      for (int u = 0; u < UNITS; ++u) {
        const int d = (unit0 + N_WARP * u) * UNIT + 8 * r;
        if ((unit0 + N_WARP * u) * UNIT >= p.head_dim) continue;
        const uint4 v0 = load_key(row.x, d), v1 = load_key(row.y, d);
        const uint4 v2 = load_key(row.z, d), v3 = load_key(row.w, d);
        step(acc[u][0], acc[u][1], lo, hi, v0.x, v1.x, v2.x, v3.x);
        step(acc[u][2], acc[u][3], lo, hi, v0.y, v1.y, v2.y, v3.y);
        step(acc[u][4], acc[u][5], lo, hi, v0.z, v1.z, v2.z, v3.z);
        step(acc[u][6], acc[u][7], lo, hi, v0.w, v1.w, v2.w, v3.w);
      }
    }
  }

  __device__ __forceinline__ uint4 load_key(int row, int d) {
    if (row < 0) return {0, 0, 0, 0};
    return load8<VEC>(p.kv + int64_t(row) * p.head_dim, d, p.head_dim);
  }

  // Two neighbouring channels of four keys: pairs of keys side by side are what a B fragment holds.
  __device__ __forceinline__ static void step(float (&even)[4], float (&odd)[4], uint2 lo, uint2 hi,
                                              uint32_t k0, uint32_t k1, uint32_t k2, uint32_t k3) {
    constexpr uint32_t LOW = 0x5410, HIGH = 0x7632;  // halves of both words
    mma::m16n8k16(mma::Bf16{}, even, lo.x, hi.x, lo.y, hi.y, __byte_perm(k0, k1, LOW),
                  __byte_perm(k2, k3, LOW));
    mma::m16n8k16(mma::Bf16{}, odd, lo.x, hi.x, lo.y, hi.y, __byte_perm(k0, k1, HIGH),
                  __byte_perm(k2, k3, HIGH));
  }

  // o = bf16(acc / L). Columns 2q and 2q + 1 of tile c are channels 16q + c and 16q + 8 + c: sixteen
  // neighbours a lane and row.
  __device__ __forceinline__ void store(int unit0, const float (&acc)[UNITS][8][4], const float* L) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int h = r + 8 * half;
      if (h >= n_head) continue;
      const float total = L[h];
      const int64_t row = int64_t(tok) * p.n_head + head0 + h;
#pragma unroll
      for (int u = 0; u < UNITS; ++u)
#pragma unroll
        for (int column = 0; column < 2; ++column) {
          const int d = (unit0 + N_WARP * u) * UNIT + 16 * q + 8 * column;
          float x[8];
#pragma unroll
          for (int c = 0; c < 8; ++c) x[c] = total != 0.0f ? acc[u][c][2 * half + column] / total : 0.0f;
          if (d < p.head_dim) out.template store<VEC>(row, d, round_bf16x8(x));
        }
    }
  }

  __device__ __forceinline__ void run() {
    __shared__ float L[HEADS];
    const int chunks = (p.n_key + KEY_CHUNK - 1) / KEY_CHUNK;
    out.begin(tok);  // there are barriers before the first store
    stage_q();

    // score and maximum over all keys
    float m[HEADS / N_WARP];
#pragma unroll
    for (int i = 0; i < HEADS / N_WARP; ++i) m[i] = NEG_INF;
    for (int c = 0; c < chunks; ++c) {
      const int keys = min(KEY_CHUNK, p.n_key - c * KEY_CHUNK);
      stage_rows(c * KEY_CHUNK, keys);
      __syncthreads();
      score(keys);
      __syncthreads();
#pragma unroll
      for (int i = 0; i < HEADS / N_WARP; ++i) m[i] = maximum(i, keys, m[i]);
    }
#pragma unroll
    for (int i = 0; i < HEADS / N_WARP; ++i) m[i] = anchor::of(warp_max(m[i]));

    // value, 512 channels a pass
    for (int unit0 = warp; (unit0 - warp) * UNIT < p.head_dim; unit0 += N_WARP * UNITS) {
      float acc[UNITS][8][4] = {};
      float sum[HEADS / N_WARP] = {};
      for (int c = 0; c < chunks; ++c) {
        const int keys = min(KEY_CHUNK, p.n_key - c * KEY_CHUNK);
        if (chunks > 1) {  // the chunk's scores are gone
          __syncthreads();
          stage_rows(c * KEY_CHUNK, keys);
          __syncthreads();
          score(keys);
          __syncthreads();
        }
        if (chunks > 1 || unit0 == warp) {
#pragma unroll
          for (int i = 0; i < HEADS / N_WARP; ++i)
            if (HEADS / N_WARP * warp + i < n_head) sum[i] += exponentials(i, keys, m[i]);
          __syncthreads();
        }
        value(keys, unit0, acc);
      }
      // L = sum P + 2^(sink * log2(e) - m); the largest P is above 1/2, so a sum of 0 means no key
      if (unit0 == warp) {
#pragma unroll
        for (int i = 0; i < HEADS / N_WARP; ++i) {
          const int h = HEADS / N_WARP * warp + i;
          const float P = warp_sum(sum[i]);
          if (lane == 0 && h < n_head) L[h] = P == 0.0f ? 0.0f : P + exp2f(anchor::product(p.sink[head0 + h], LOG2_E) - m[i]);
        }
        __syncthreads();
      }
      store(unit0, acc, L);
    }
  }
};

// Dynamic shared memory `smem` as the launch declares it; `to` is where the output goes.
template <class Params, class Out>
__device__ __forceinline__ void run(const Params& p, const Out& out, const bf16_t* to, uint8_t* smem) {
  if (p.head_dim % 8 == 0 && mma::aligned(p.q, 16) && mma::aligned(p.kv, 16) && mma::aligned(to, 16))
    Attention<true, Params, Out>(p, out, smem).run();
  else
    Attention<false, Params, Out>(p, out, smem).run();
}

}  // namespace attention
