// The linear that all formats share on tcgen05: y[m][n] = sum over k of x[m][k] w[n][k].
//
//   warp 0     TMA: 128 rows of w and up to T rows of x, 128 bytes of K a stage
//   warp 1     MMA: D[n][m] in tensor memory, two accumulators, so that the next tile begins while one is stored
//   warp 2     scales (formats that have them): into the 32 x 4 x 4 order of tcgen05.cp, beside the stage's operands
//   warps 4-7  epilogue: lane = n, column = m
//
// CTAs are persistent over tiles. Where tiles are fewer than multiprocessors a cluster shares one tile's K; its partial sums are added
// through distributed shared memory in the order of the ranks, so results repeat bit for bit.
#pragma once
#include "kernels/common/plan.h"
#include "kernels/common/umma.cuh"
#include "kernels/ptx/cluster.cuh"
#include "kernels/ptx/tma.cuh"

namespace umma_linear {

constexpr uint32_t THREADS = 256, FIRST_EPILOGUE_WARP = 4, N_EPILOGUE_WARP = 4;
constexpr uint32_t W_BYTES = plan::W_ROWS * plan::ROW_BYTES;

// A format: what a stage holds and how a step of 32 bytes of K is multiplied. Columns of scales follow the accumulators.
struct Bf16 {
  static constexpr int32_t K_STAGE = 64, W_ATOMS = 0, X_ATOMS = 0;
  static __device__ void mma(uint32_t d, uint64_t w, uint64_t x, uint32_t T, uint32_t, uint32_t, uint32_t, bool accumulate) {
    ptx::mma_f16(d, w, x, umma::idesc_bf16(T), accumulate);
  }
};

// e4m3 x e4m3, scales per 128 of K: each fills the four bytes of a word, one a step.
struct Fp8 {
  static constexpr int32_t K_STAGE = 128, W_ATOMS = 1, X_ATOMS = 1;
  static __device__ void mma(uint32_t d, uint64_t w, uint64_t x, uint32_t T, uint32_t step, uint32_t sf_w, uint32_t sf_x, bool accumulate) {
    ptx::mma_mxf8f6f4(d, w, x, umma::idesc_mxf8f6f4(umma::TYPE_E4M3, umma::TYPE_E4M3, T, step), sf_w, sf_x, accumulate);
  }
};

// A tile of the output, from weight row n0 and token m0.
struct Tile {
  int32_t n0, m0;
};

// Formats without scales.
struct NoScales {
  __device__ void fill(uint8_t*, uint8_t*, Tile, int32_t, uint32_t) const {}
};

struct Barriers {
  uint64_t full[plan::MAX_STAGES], empty[plan::MAX_STAGES], acc_full[2], acc_empty[2];
  uint32_t tmem;
};
static_assert(sizeof(Barriers) + 1024 <= plan::SMEM_RESERVED, "barriers and alignment fit into what the plan reserves");

template <class Format, class Scales, class Store>
__device__ __forceinline__ void run(const TensorMap& w, const TensorMap& x, const plan::Linear l, const Scales& scales, const Store& store) {
  constexpr int32_t N_ATOM = Format::W_ATOMS + Format::X_ATOMS;
  extern __shared__ uint8_t dynamic[];
  const uint32_t skip = (1024 - ptx::shared(dynamic) % 1024) % 1024;
  uint8_t* const tiles = dynamic + skip;
  const uint32_t warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const uint32_t rank = ptx::cluster_ctarank(), split = ptx::cluster_nctarank();
  const uint32_t n_stage = l.stages(split), T = l.tokens;
  float* const partial = reinterpret_cast<float*>(tiles + n_stage * l.stage);
  Barriers& bar = *reinterpret_cast<Barriers*>(tiles + n_stage * l.stage + l.partial_bytes(split));
  const uint32_t first = blockIdx.x / split, n_cluster = gridDim.x / split;
  const int32_t k_begin = l.k_stages * rank / split, k_end = l.k_stages * (rank + 1) / split;
  const auto tile_at = [&](uint32_t i) { return Tile{int32_t(i / l.n_m) * plan::W_ROWS, int32_t(i % l.n_m * T)}; };
  // accumulators, then scales; a power of two
  const uint32_t sf_w = 2 * T, sf_x = sf_w + Format::W_ATOMS * umma::SCALE_ATOM_COLUMNS;
  uint32_t columns = 32;
  while (columns < sf_x + Format::X_ATOMS * umma::SCALE_ATOM_COLUMNS) columns *= 2;

  if (threadIdx.x == 0) {
    for (uint32_t s = 0; s < n_stage; ++s) {
      ptx::mbarrier_init(&bar.full[s], N_ATOM > 0 ? 2 : 1);
      ptx::mbarrier_init(&bar.empty[s], 1);
    }
    for (uint32_t i = 0; i < 2; ++i) {
      ptx::mbarrier_init(&bar.acc_full[i], 1);
      ptx::mbarrier_init(&bar.acc_empty[i], N_EPILOGUE_WARP);
    }
    ptx::fence_mbarrier_init();
    ptx::prefetch_map(&w);
    ptx::prefetch_map(&x);
  }
  if (warp == 1) ptx::tmem_alloc(&bar.tmem, columns);
  ptx::tcgen05_fence_before();
  __syncthreads();
  ptx::tcgen05_fence_after();
  const uint32_t tmem = bar.tmem;

  if (warp == 0 && ptx::elect_one()) {  // load
    ptx::Ring ring;
    for (uint32_t i = first; i < uint32_t(l.n_tile); i += n_cluster) {
      const Tile tile = tile_at(i);
      for (int32_t k = k_begin; k < k_end; ++k, ring.next(n_stage)) {
        uint64_t* full = &bar.full[ring.stage];
        const uint32_t at = ptx::shared(tiles + ring.stage * l.stage);
        ptx::mbarrier_wait(&bar.empty[ring.stage], ring.parity ^ 1);
        ptx::mbarrier_arrive_expect_tx(full, W_BYTES + T * plan::ROW_BYTES);
        ptx::tma_load_2d(at, &w, full, k * Format::K_STAGE, tile.n0);
        ptx::tma_load_2d(at + W_BYTES, &x, full, k * Format::K_STAGE, tile.m0);
      }
    }
  } else if (warp == 1 && ptx::elect_one()) {  // mma
    ptx::Ring ring, acc;
    for (uint32_t i = first; i < uint32_t(l.n_tile); i += n_cluster, acc.next(2)) {
      const uint32_t d = tmem + acc.stage * T;
      ptx::mbarrier_wait(&bar.acc_empty[acc.stage], acc.parity ^ 1);
      ptx::tcgen05_fence_after();
      for (int32_t k = k_begin; k < k_end; ++k, ring.next(n_stage)) {
        const uint32_t at = ptx::shared(tiles + ring.stage * l.stage), at_sf = at + W_BYTES + T * plan::ROW_BYTES;
        ptx::mbarrier_wait(&bar.full[ring.stage], ring.parity);
        ptx::tcgen05_fence_after();
#pragma unroll
        for (int32_t a = 0; a < N_ATOM; ++a)
          ptx::tmem_copy_32x128b(tmem + sf_w + a * umma::SCALE_ATOM_COLUMNS, umma::rows_16b(at_sf + a * umma::SCALE_ATOM_BYTES));
#pragma unroll
        for (uint32_t step = 0; step < 4; ++step)
          Format::mma(d, umma::k_major(at + 32 * step), umma::k_major(at + W_BYTES + 32 * step), T, step, tmem + sf_w, tmem + sf_x,
                      k > k_begin || step > 0);
        ptx::tcgen05_commit(&bar.empty[ring.stage]);
      }
      ptx::tcgen05_commit(&bar.acc_full[acc.stage]);
    }
  } else if (N_ATOM > 0 && warp == 2) {  // scales
    ptx::Ring ring;
    for (uint32_t i = first; i < uint32_t(l.n_tile); i += n_cluster)
      for (int32_t k = k_begin; k < k_end; ++k, ring.next(n_stage)) {
        uint8_t* at = tiles + ring.stage * l.stage + W_BYTES + T * plan::ROW_BYTES;
        ptx::mbarrier_wait(&bar.empty[ring.stage], ring.parity ^ 1);
        scales.fill(at, at + Format::W_ATOMS * umma::SCALE_ATOM_BYTES, tile_at(i), k, lane);
        ptx::fence_proxy_async();
        __syncwarp();
        if (lane == 0) ptx::mbarrier_arrive(&bar.full[ring.stage]);
      }
  } else if (warp >= FIRST_EPILOGUE_WARP) {  // epilogue
    const uint32_t row = warp % 4 * 32 + lane;
    ptx::Ring acc;
    for (uint32_t i = first; i < uint32_t(l.n_tile); i += n_cluster, acc.next(2)) {
      const Tile tile = tile_at(i);
      const uint32_t d = tmem + acc.stage * T + (warp % 4 * 32 << 16);
      const int32_t n = tile.n0 + row, rows = min(int32_t(T), l.M - tile.m0);
      ptx::mbarrier_wait(&bar.acc_full[acc.stage], acc.parity);
      ptx::tcgen05_fence_after();
      for (int32_t c = 0; c < rows; c += 16) {
        uint32_t v[16];
        ptx::tmem_load_32x32b_x16(v, d + c);
        ptx::tmem_load_wait();
#pragma unroll
        for (int32_t j = 0; j < 16; ++j) {
          if (split > 1)
            partial[(c + j) * plan::W_ROWS + row] = __uint_as_float(v[j]);
          else if (c + j < rows && n < l.N)
            store(tile.m0 + c + j, n, __uint_as_float(v[j]));
        }
      }
      ptx::tcgen05_fence_before();
      __syncwarp();
      if (lane == 0) ptx::mbarrier_arrive(&bar.acc_empty[acc.stage]);
    }
  }
  __syncwarp();

  if (split > 1) {  // y = partial of rank 0 + rank 1 + ...; a cluster that splits K has one tile
    ptx::cluster_sync();
    const Tile tile = tile_at(first);
    const int32_t rows = min(int32_t(T), l.M - tile.m0);
    for (uint32_t e = rank * THREADS + threadIdx.x; e < rows * plan::W_ROWS / 4; e += split * THREADS) {
      float4 sum = {0, 0, 0, 0};
      for (uint32_t r = 0; r < split; ++r) {
        const float4 v = ptx::load_cluster_f32x4(ptx::mapa(ptx::shared(partial + 4 * e), r));
        sum.x += v.x, sum.y += v.y, sum.z += v.z, sum.w += v.w;
      }
      const int32_t m = tile.m0 + e / (plan::W_ROWS / 4), n = tile.n0 + e % (plan::W_ROWS / 4) * 4;
      const float y[4] = {sum.x, sum.y, sum.z, sum.w};
#pragma unroll
      for (int32_t j = 0; j < 4; ++j)
        if (n + j < l.N) store(m, n + j, y[j]);
    }
    ptx::cluster_sync();  // a CTA's partial sums are there until all have read them
  }
  __syncthreads();
  if (warp == 1) ptx::tmem_dealloc(tmem, columns);
}

}  // namespace umma_linear
