// The 64 x 64 tile of an expert's rows times its weights, activations e4m3 (scale a 128), weights e2m1 (scale a 32), shared by
// expert_linear_mxfp4 and the fusions of it. Both formats widen to f16 exactly (e2m1 times 2^-14, undone with its scale).
#pragma once
#include "kernels/common/experts.cuh"
#include "kernels/common/formats.cuh"

namespace gemm::mxfp4 {

constexpr int G = 8;  // a chunk of eight stays inside a 32-block: a block's dot product is one chunk a lane

struct Product {
  const e4m3_t* a;
  const ue8m0_t* a_s;
  const int32_t* src_row;  // null: row i is row i
  const e2m1x2_t* w;       // of all slots
  const ue8m0_t* w_s;
  int N, K;
};

struct Smem {
  union {
    struct {
      TileA<G> a;
      float a_scale[2][B_M];
      float w_scale[2][B_N][CHUNKS];  // w_s times 2^14
    };
    Partial partial;
  };
  float narrow_scale[N_WARP][NARROW_CHUNKS][B_N];  // w_s times 2^14 of a warp's step
};

// Four consecutive codes each of k .. k + 3 and k + 4 .. k + 7 as f16 pairs (0 4 | 1 5 | 2 6 | 3 7), the
// order of f16_from_e2m1x8.
__device__ __forceinline__ uint4 widen_interleaved(uint32_t first, uint32_t second) {
  return {mma::f16_from_e4m3(__byte_perm(first, second, 0x0040)),
          mma::f16_from_e4m3(__byte_perm(first, second, 0x0051)),
          mma::f16_from_e4m3(__byte_perm(first, second, 0x0062)),
          mma::f16_from_e4m3(__byte_perm(first, second, 0x0073))};
}

template <bool VEC>
__device__ __forceinline__ void row_tile(const Product& p, const Out& out, Smem& smem, int64_t slot, int m0, int rows, int column0) {
  const Lane lane;
  const int tid = threadIdx.x;
  const int n0 = column0 + lane.warp * 8 * N_TILES;
  const int n_block = (p.K + 127) / 128, n_block32 = (p.K + 31) / 32;

  int64_t w_row[N_TILES];  // first element of a row of w
#pragma unroll
  for (int t = 0; t < N_TILES; ++t) w_row[t] = (slot * p.N + min(n0 + 8 * t + lane.r, p.N - 1)) * p.K;
  // this thread stages rows tid / 8 + 16 i of a, the a_s of row tid, and the w_s of two blocks of column tid
  // / 2
  int source[M_TILES];
#pragma unroll
  for (int i = 0; i < M_TILES; ++i) {
    const int row = m0 + min(tid / 8 + 16 * i, rows - 1);
    source[i] = p.src_row ? p.src_row[row] : row;
  }
  const int scale_row = m0 + min(tid, rows - 1);
  const uint8_t* a_scale = p.a_s + int64_t(p.src_row ? p.src_row[scale_row] : scale_row) * n_block;
  const uint8_t* w_scale = p.w_s + (slot * p.N + min(column0 + tid / 2, p.N - 1)) * n_block32;

  float acc[M_TILES][N_TILES][4] = {};
  for (int block = 0; block < n_block; ++block) {
    const int k0 = block * B_K, buffer = block & 1;

    // load: weights of the step
    uint32_t raw[N_TILES][CHUNKS];
#pragma unroll
    for (int t = 0; t < N_TILES; ++t)
#pragma unroll
      for (int j = 0; j < CHUNKS; ++j)
        raw[t][j] = load_e2m1x8<VEC>(p.w, w_row[t], k0 + lane_k<G>(j, lane.q), p.K);

    // stage: a widened, a_s, w_s
#pragma unroll
    for (int i = 0; i < M_TILES; ++i)
      if (tid / 8 + 16 * i < rows) {
        const uint4 v = load_e4m3x16<VEC>(p.a + int64_t(source[i]) * p.K, k0 + 16 * (tid % 8), p.K);
        smem.a.put(buffer, tid / 8 + 16 * i, 2 * (tid % 8), widen_interleaved(v.x, v.y));
        smem.a.put(buffer, tid / 8 + 16 * i, 2 * (tid % 8) + 1, widen_interleaved(v.z, v.w));
      }
    if (tid < rows) smem.a_scale[buffer][tid] = ue8m0_to_f32(a_scale[block]);
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const int j = 2 * (tid % 2) + i, b = CHUNKS * block + j;  // beyond K: zero values, any finite scale
      smem.w_scale[buffer][tid / 2][j] = b < n_block32 ? ue8m0_to_f32(w_scale[b]) * mma::E2M1_UNIT : 0.0f;
    }
    __syncthreads();

    // mma: dot = sum over the 32-block of a w; sum += dot * w_s; acc += sum over four blocks * a_s
    uint32_t b[N_TILES][CHUNKS][4];
#pragma unroll
    for (int t = 0; t < N_TILES; ++t)
#pragma unroll
      for (int j = 0; j < CHUNKS; ++j) mma::f16_from_e2m1x8(raw[t][j], b[t][j]);
#pragma unroll
    for (int i = 0; i < M_TILES; ++i)
      if (16 * i < rows) {
        const int row = 16 * i + lane.r;
        float sum[N_TILES][4] = {};
#pragma unroll
        for (int j = 0; j < CHUNKS; ++j) {
          const uint4 lo = chunk_of(smem.a, buffer, row, rows, lane.q, j);
          const uint4 hi = chunk_of(smem.a, buffer, row + 8, rows, lane.q, j);
#pragma unroll
          for (int t = 0; t < N_TILES; ++t) {
            float dot[4];
            multiply_chunk<true>(mma::F16{}, dot, lo, hi, b[t][j]);
            const float(*s)[CHUNKS] = &smem.w_scale[buffer][n0 - column0 + 8 * t + 2 * lane.q];
            sum[t][0] += dot[0] * s[0][j];
            sum[t][1] += dot[1] * s[1][j];
            sum[t][2] += dot[2] * s[0][j];
            sum[t][3] += dot[3] * s[1][j];
          }
        }
        const float s_lo = smem.a_scale[buffer][min(row, rows - 1)];
        const float s_hi = smem.a_scale[buffer][min(row + 8, rows - 1)];
#pragma unroll
        for (int t = 0; t < N_TILES; ++t) {
          acc[i][t][0] += sum[t][0] * s_lo;
          acc[i][t][1] += sum[t][1] * s_lo;
          acc[i][t][2] += sum[t][2] * s_hi;
          acc[i][t][3] += sum[t][3] * s_hi;
        }
      }
  }

  // store: y = bf16(acc)
  store_tile(out.y, acc, out.row0, rows, p.N, n0, out.stride, lane);
}

__device__ __forceinline__ void narrow_tile(const Product& p, const Out& out, Smem& smem, int64_t slot, int m0, int rows, int column0) {
  const Lane lane;
  const int id = threadIdx.x % 32;
  const int n_block = (p.K + 127) / 128, n_block32 = (p.K + 31) / 32;
  int source[2];  // rows of a
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    const int row = m0 + (i == 0 ? low_row(lane, rows) : high_row(lane, rows));
    source[i] = p.src_row ? p.src_row[row] : row;
  }
  const uint8_t* w_expert = p.w + slot * p.N * p.K / 2;
  uint32_t w_row[NARROW_TILES];  // bytes: an expert's weights are below 4 GB
#pragma unroll
  for (int t = 0; t < NARROW_TILES; ++t)
    w_row[t] = uint32_t(min(column0 + 8 * t + lane.r, p.N - 1)) * (p.K / 2);

  Narrow acc = {};
  for (int k0 = lane.warp * NARROW_K; k0 < p.K; k0 += N_WARP * NARROW_K) {
    // load, and widen a
    uint32_t w[NARROW_TILES][NARROW_CHUNKS], a[2][NARROW_CHUNKS][4];
#pragma unroll
    for (int t = 0; t < NARROW_TILES; ++t)
#pragma unroll
      for (int j = 0; j < NARROW_CHUNKS; ++j)
        w[t][j] = load_e2m1x8<true>(w_expert + w_row[t], 0, k0 + lane_k<G>(j, lane.q), p.K);
#pragma unroll
    for (int i = 0; i < 2; ++i)
#pragma unroll
      for (int j = 0; j < NARROW_CHUNKS; ++j) {
        const int k = k0 + lane_k<G>(j, lane.q);
        uint2 codes = {0, 0};
        if (k < p.K) codes = *reinterpret_cast<const uint2*>(p.a + int64_t(source[i]) * p.K + k);
        as_chunk(widen_interleaved(codes.x, codes.y), a[i][j]);
      }
    const float s_lo = ue8m0_to_f32(p.a_s[int64_t(source[0]) * n_block + k0 / 128]);
    const float s_hi = ue8m0_to_f32(p.a_s[int64_t(source[1]) * n_block + k0 / 128]);

    // w_s of the warp's columns
    __syncwarp();
#pragma unroll
    for (int c = id; c < B_N; c += 32)
#pragma unroll
      for (int j = 0; j < NARROW_CHUNKS; ++j) {
        const int b = k0 / 32 + j;
        const int64_t w_scale_row = slot * p.N + min(column0 + c, p.N - 1);
        smem.narrow_scale[lane.warp][j][c] =
            b < n_block32 ? ue8m0_to_f32(p.w_s[w_scale_row * n_block32 + b]) * mma::E2M1_UNIT : 0.0f;
      }
    __syncwarp();

    // mma: dot = sum over the 32-block of a w; acc += sum over two blocks of dot * w_s, * a_s
#pragma unroll
    for (int t = 0; t < NARROW_TILES; ++t) {
      float sum[4] = {};
#pragma unroll
      for (int j = 0; j < NARROW_CHUNKS; ++j) {
        uint32_t b[4];
        mma::f16_from_e2m1x8(w[t][j], b);
        const uint4 lo = {a[0][j][0], a[0][j][1], a[0][j][2], a[0][j][3]};
        const uint4 hi = {a[1][j][0], a[1][j][1], a[1][j][2], a[1][j][3]};
        float dot[4];
        multiply_chunk<true>(mma::F16{}, dot, lo, hi, b);
        const float2 s = *reinterpret_cast<float2*>(&smem.narrow_scale[lane.warp][j][8 * t + 2 * lane.q]);
        sum[0] += dot[0] * s.x;
        sum[1] += dot[1] * s.y;
        sum[2] += dot[2] * s.x;
        sum[3] += dot[3] * s.y;
      }
      acc[t][0] += sum[0] * s_lo;
      acc[t][1] += sum[1] * s_lo;
      acc[t][2] += sum[2] * s_hi;
      acc[t][3] += sum[3] * s_hi;
    }
  }

  // store: y = bf16(acc)
  finish(acc, smem.partial, out.y, out.row0, rows, p.N, column0, out.stride, lane);
}

// `rows` rows from `m0` on, columns column0 .. column0 + 63. A barrier must follow before the next tile: a slow warp may still read.
template <bool VEC>
__device__ __forceinline__ void tile(const Product& p, const Out& out, Smem& smem, int64_t slot, int m0, int rows, int column0) {
  if (VEC && rows <= NARROW_ROWS)
    narrow_tile(p, out, smem, slot, m0, rows, column0);
  else
    row_tile<VEC>(p, out, smem, slot, m0, rows, column0);
}

__device__ __forceinline__ bool rows_are_vectors(const Product& p) {
  return p.K % 16 == 0 && mma::aligned(p.a, 16) && mma::aligned(p.w, 4);
}

}  // namespace gemm::mxfp4
