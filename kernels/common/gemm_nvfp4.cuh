// The 64 x 64 tile of an expert's rows times its weights, both NVFP4, shared by expert_linear_nvfp4 and the fusions of it. A code times its
// block scale has at most 6 significant bits and stays exact in f16 (kept as 2^-7 of it, so that neither 6 * 448 nor 0.5 * 2^-9 leaves the
// format).
#pragma once
#include "kernels/common/experts.cuh"

namespace gemm::nvfp4 {

constexpr int G = 16;  // a lane's 16 consecutive k are one scale block

struct Product {
  const e2m1x2_t* a;
  const e4m3_t* a_s;
  const e2m1x2_t* w;  // of all slots
  const e4m3_t* w_s;
  int N, K;
};

union Smem {
  TileA<G> a;
  Partial partial;
};

// Codes times block scale times 2^-7: f16_from_e2m1x8 gives 2^-14, the other 2^7 goes with the scale (448 *
// 2^7 fits f16).
struct Scaled {
  uint32_t pair;
  __device__ __forceinline__ explicit Scaled(uint32_t e4m3_code)
      : pair(mma::mul_f16x2(mma::f16_from_e4m3(e4m3_code * 0x0101u), 0x58005800u)) {}
  __device__ __forceinline__ void widen(uint32_t codes, uint32_t (&h)[4]) const {
    mma::f16_from_e2m1x8(codes, h);
#pragma unroll
    for (int i = 0; i < 4; ++i) h[i] = mma::mul_f16x2(h[i], pair);
  }
  __device__ __forceinline__ void widen(const uint2& codes, uint32_t (&h)[2][4]) const {
    widen(codes.x, h[0]);
    widen(codes.y, h[1]);
  }
};
constexpr float UNIT = 0x1p14f;  // undoes 2^-7 of both operands

// Sixteen codes of k .. k + 15 (k a multiple of 16) of the row that starts at element `row`.
template <bool VEC>
__device__ __forceinline__ uint2 load_block(const uint8_t* matrix, int64_t row, int k, int K) {
  if constexpr (VEC) {
    if (k < K) return *reinterpret_cast<const uint2*>(matrix + ((row + k) >> 1));
    return {0, 0};
  } else {
    return {load_e2m1x8<false>(matrix, row, k, K), load_e2m1x8<false>(matrix, row, k + 8, K)};
  }
}

template <bool VEC>
__device__ __forceinline__ void row_tile(const Product& p, const Out& out, Smem& smem, int64_t slot, float global, int m0, int rows,
                                         int column0) {
  const Lane lane;
  const int tid = threadIdx.x;
  const int n0 = column0 + lane.warp * 8 * N_TILES;
  const int n_block = (p.K + 15) / 16;

  int64_t w_row[N_TILES];
#pragma unroll
  for (int t = 0; t < N_TILES; ++t) w_row[t] = slot * p.N + min(n0 + 8 * t + lane.r, p.N - 1);

  float acc[M_TILES][N_TILES][4] = {};
  for (int k0 = 0, buffer = 0; k0 < p.K; k0 += B_K, buffer ^= 1) {
    // load: weights of the step and their scales
    uint2 raw[N_TILES][2];
    uint32_t raw_scale[N_TILES][2];
#pragma unroll
    for (int t = 0; t < N_TILES; ++t)
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        const int k = k0 + lane_k<G>(2 * h, lane.q);
        raw[t][h] = load_block<VEC>(p.w, w_row[t] * p.K, k, p.K);
        raw_scale[t][h] = k < p.K ? p.w_s[w_row[t] * n_block + k / 16] : 0;
      }

    // stage: a * a_s
#pragma unroll
    for (int i = 0; i < M_TILES; ++i)
      if (tid / 8 + 16 * i < rows) {
        const int64_t row = m0 + tid / 8 + 16 * i;
        const int k = k0 + 16 * (tid % 8);
        const uint2 v = load_block<VEC>(p.a, row * p.K, k, p.K);
        const Scaled s(k < p.K ? p.a_s[row * n_block + k / 16] : 0);
        uint32_t h[2][4];
        s.widen(v, h);
#pragma unroll
        for (int c = 0; c < 2; ++c)
          smem.a.put(buffer, tid / 8 + 16 * i, 2 * (tid % 8) + c, {h[c][0], h[c][1], h[c][2], h[c][3]});
      }
    __syncthreads();

    // mma: acc += sum over the step of (a a_s) (w w_s)
    uint32_t b[N_TILES][CHUNKS][4];
#pragma unroll
    for (int t = 0; t < N_TILES; ++t)
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        const Scaled s(raw_scale[t][h]);
        s.widen(raw[t][h].x, b[t][2 * h]);
        s.widen(raw[t][h].y, b[t][2 * h + 1]);
      }
#pragma unroll
    for (int i = 0; i < M_TILES; ++i)
      if (16 * i < rows)
        dot_block<G, false>(mma::F16{}, acc[i], smem.a, buffer, 16 * i + lane.r, rows, lane.q, b);
  }

  // store: y = bf16(acc * fl32(a_global * w_global))
#pragma unroll
  for (int i = 0; i < M_TILES; ++i)
#pragma unroll
    for (int t = 0; t < N_TILES; ++t)
#pragma unroll
      for (int c = 0; c < 4; ++c) acc[i][t][c] = acc[i][t][c] * UNIT * global;
  store_tile(out.y, acc, out.row0, rows, p.N, n0, out.stride, lane);
}

__device__ __forceinline__ void narrow_tile(const Product& p, const Out& out, Smem& smem, int64_t slot, float global, int m0, int rows,
                                            int column0) {
  const Lane lane;
  const int n_block = (p.K + 15) / 16;
  const int64_t row[2] = {m0 + low_row(lane, rows), m0 + high_row(lane, rows)};

  Narrow acc = {};
  for (int k0 = lane.warp * NARROW_K; k0 < p.K; k0 += N_WARP * NARROW_K) {
    // load; blocks beyond K have scale zero
    const int k = k0 + lane_k<G>(0, lane.q);
    uint2 w[NARROW_TILES], a[2];
    uint32_t w_scale[NARROW_TILES], a_scale[2];
#pragma unroll
    for (int t = 0; t < NARROW_TILES; ++t) {
      const int64_t w_row = slot * p.N + min(column0 + 8 * t + lane.r, p.N - 1);
      w[t] = load_block<true>(p.w, w_row * p.K, k, p.K);
      w_scale[t] = k < p.K ? p.w_s[w_row * n_block + k / 16] : 0;
    }
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      a[i] = load_block<true>(p.a, row[i] * p.K, k, p.K);
      a_scale[i] = k < p.K ? p.a_s[row[i] * n_block + k / 16] : 0;
    }

    // mma: acc += sum over the step of (a a_s) (w w_s)
    Fragment lo, hi;
    Scaled(a_scale[0]).widen(a[0], lo);
    Scaled(a_scale[1]).widen(a[1], hi);
#pragma unroll
    for (int t = 0; t < NARROW_TILES; ++t) {
      Fragment b;
      Scaled(w_scale[t]).widen(w[t], b);
      multiply_row<false>(mma::F16{}, acc[t], lo, hi, b);
    }
  }

  // store: y = bf16(acc * fl32(a_global * w_global))
#pragma unroll
  for (int t = 0; t < NARROW_TILES; ++t)
#pragma unroll
    for (int c = 0; c < 4; ++c) acc[t][c] = acc[t][c] * UNIT * global;
  finish(acc, smem.partial, out.y, out.row0, rows, p.N, column0, out.stride, lane);
}

// `rows` rows from `m0` on, columns column0 .. column0 + 63, times `global` before they are rounded. A barrier must follow before the next
// tile: a slow warp may still read.
template <bool VEC>
__device__ __forceinline__ void tile(const Product& p, const Out& out, Smem& smem, int64_t slot, float global, int m0, int rows,
                                     int column0) {
  if (VEC && rows <= NARROW_ROWS)
    narrow_tile(p, out, smem, slot, global, m0, rows, column0);
  else
    row_tile<VEC>(p, out, smem, slot, global, m0, rows, column0);
}

__device__ __forceinline__ bool rows_are_vectors(const Product& p) {
  return p.K % 16 == 0 && mma::aligned(p.a, 8) && mma::aligned(p.w, 8);
}

}  // namespace gemm::nvfp4
