// Products on tcgen05 whose rows the kernel finishes itself: the tiles, stages and formats of umma_linear.cuh, one or two matrices of w
// at a time on the same tokens, each with an accumulator of its own, so that a row of one meets the same row of the other.
//
//   warps 0-3   as in umma_linear.cuh; a stage holds 128 rows of every matrix, then x, then the scales of w, matrix by matrix, and of x
//   warps 4-7   epilogue: sums of 16 tokens go from tensor memory (lane = row of w) to shared memory, from where a warp takes a token's 128
//               channels, four a lane
//
// CTAs are persistent over tiles. Where tiles are few a cluster shares one tile's K: after every 16 tokens all its warps take tokens and
// add up the partial sums, in the order of the ranks, so results repeat bit for bit.
#pragma once
#include "kernels/common/umma_linear.cuh"
#include "kernels/ptx/barrier.cuh"

namespace umma_linear {

constexpr uint32_t EPILOGUE_BARRIER = 1;

// A schedule (umma_tiles.cuh) for two matrices of one shape.
template <class One>
struct Pair {
  One one, other;  // of which only the map of w counts

  using Rows = typename One::Rows;

  __device__ __forceinline__ void prefetch() const {
    one.prefetch();
    other.prefetch();
  }
  __device__ __forceinline__ void setup(uint32_t* table) { one.setup(table); }
  __device__ __forceinline__ uint32_t n_tile() const { return one.n_tile(); }
  __device__ __forceinline__ Tile at(uint32_t i) const { return one.at(i); }
  __device__ __forceinline__ Rows rows(const Tile& t, uint32_t lane) const { return one.rows(t, lane); }
  __device__ __forceinline__ int32_t x_rows(const Tile& t) const { return one.x_rows(t); }
  __device__ __forceinline__ void load_w(int32_t matrix, uint32_t to, uint64_t* bar, const Tile& t, int32_t k) const {
    (matrix == 0 ? one : other).load_w(to, bar, t, k);
  }
  __device__ __forceinline__ void load_x(uint32_t to, uint64_t* bar, const Tile& t, const Rows& r, int32_t k) const {
    one.load_x(to, bar, t, r, k);
  }
};

// Sums of one row: four neighbouring channels of every matrix.
template <int32_t MATRICES>
struct Sums {
  float4 of[MATRICES];
};

// `finish(tile)` gives what a warp does with a token: (token of the tile, first channel of the lane within the tile, its sums).
template <class Format, int32_t MATRICES, class Fill, class Schedule, class Finish>
__device__ __forceinline__ void run_rows(const plan::Rows& l, Schedule schedule, const Fill& fill, const Finish& finish) {
  constexpr plan::Format STAGE = Format::STAGE;
  constexpr int32_t N_ATOM = MATRICES * STAGE.w_atoms + STAGE.x_atoms, AT_ONCE = plan::Rows::AT_ONCE;
  constexpr uint32_t W = MATRICES * W_BYTES, N_WARP = THREADS / 32;
  static_assert(Fill::WARPS == 1 && !STAGE.widened, "one warp fills in scales");
  extern __shared__ uint8_t dynamic[];
  const uint32_t skip = (1024 - ptx::shared(dynamic) % 1024) % 1024;
  uint8_t* const tiles = dynamic + skip;
  const uint32_t warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const uint32_t rank = ptx::cluster_ctarank(), split = ptx::cluster_nctarank();
  const uint32_t n_stage = l.stages(), T = l.tokens;
  float* const exchange = reinterpret_cast<float*>(tiles + n_stage * l.stage);  // [MATRICES][AT_ONCE][128]
  uint32_t* const table = reinterpret_cast<uint32_t*>(tiles + n_stage * l.stage + l.exchange_bytes());
  Barriers& bar = *reinterpret_cast<Barriers*>(reinterpret_cast<uint8_t*>(table) + l.table);
  const uint32_t first = blockIdx.x / split, n_cluster = gridDim.x / split;
  const int32_t k_begin = l.k_stages * rank / split, k_end = l.k_stages * (rank + 1) / split;
  // accumulators, two of each matrix where tensor memory holds them, then scales; a power of two
  constexpr uint32_t SCALES = N_ATOM * umma::SCALE_ATOM_COLUMNS;
  const uint32_t n_acc = 2 * MATRICES * T + SCALES <= 512 ? 2 : 1;
  const uint32_t sf_w = n_acc * MATRICES * T, sf_x = sf_w + MATRICES * STAGE.w_atoms * umma::SCALE_ATOM_COLUMNS;
  uint32_t columns = 32;
  while (columns < sf_w + SCALES) columns *= 2;

  if (threadIdx.x == 0) {
    for (uint32_t s = 0; s < n_stage; ++s) {
      ptx::mbarrier_init(&bar.full[s], 1 + Fill::WARPS);
      ptx::mbarrier_init(&bar.empty[s], 1);
    }
    for (uint32_t i = 0; i < n_acc; ++i) {
      ptx::mbarrier_init(&bar.acc_full[i], 1);
      ptx::mbarrier_init(&bar.acc_empty[i], N_EPILOGUE_WARP);
    }
    ptx::fence_mbarrier_init();
    schedule.prefetch();
  }
  if (warp == 1) ptx::tmem_alloc(&bar.tmem, columns);
  schedule.setup(table);
  ptx::tcgen05_fence_before();
  __syncthreads();
  ptx::tcgen05_fence_after();
  const uint32_t tmem = bar.tmem, n_tile = schedule.n_tile();

  // Epilogue warps: the sums of tokens c .. c + AT_ONCE - 1 out of the accumulators at `d` into shared memory.
  const auto put_sums = [&](uint32_t d, int32_t c) {
    uint32_t v[MATRICES][AT_ONCE];
#pragma unroll
    for (int32_t a = 0; a < MATRICES; ++a) ptx::tmem_load_32x32b_x16(v[a], d + a * T + c + (warp % 4 * 32 << 16));
    ptx::tmem_load_wait();
#pragma unroll
    for (int32_t a = 0; a < MATRICES; ++a)
#pragma unroll
      for (int32_t j = 0; j < AT_ONCE; ++j)
        exchange[(a * AT_ONCE + j) * plan::W_ROWS + warp % 4 * 32 + lane] = __uint_as_float(v[a][j]);
  };

  if (warp == 0) {  // load
    const bool one = ptx::elect_one();
    ptx::Ring ring;
    for (uint32_t i = first; i < n_tile; i += n_cluster) {
      const Tile tile = schedule.at(i);
      const auto rows = schedule.rows(tile, lane);
      const uint32_t x_bytes = schedule.x_rows(tile) * plan::ROW_BYTES;
      for (int32_t k = k_begin; k < k_end; ++k, ring.next(n_stage)) {
        uint64_t* full = &bar.full[ring.stage];
        const uint32_t at = ptx::shared(tiles + ring.stage * l.stage);
        ptx::mbarrier_wait(&bar.empty[ring.stage], ring.parity ^ 1);
        if (one) {
          ptx::mbarrier_arrive_expect_tx(full, MATRICES * STAGE.w_copied() + x_bytes);
#pragma unroll
          for (int32_t a = 0; a < MATRICES; ++a) schedule.load_w(a, at + a * W_BYTES, full, tile, k * STAGE.k_map);
        }
        schedule.load_x(at + W, full, tile, rows, k * STAGE.k_map);
        __syncwarp();  // no lane falls a phase behind
      }
    }
  } else if (warp == 1 && ptx::elect_one()) {  // mma
    ptx::Ring ring, acc;
    for (uint32_t i = first; i < n_tile; i += n_cluster, acc.next(n_acc)) {
      const uint32_t d = tmem + acc.stage * MATRICES * T, width = schedule.at(i).width();
      ptx::mbarrier_wait(&bar.acc_empty[acc.stage], acc.parity ^ 1);
      ptx::tcgen05_fence_after();
      for (int32_t k = k_begin; k < k_end; ++k, ring.next(n_stage)) {
        const uint32_t at = ptx::shared(tiles + ring.stage * l.stage), at_sf = at + W + T * plan::ROW_BYTES;
        ptx::mbarrier_wait(&bar.full[ring.stage], ring.parity);
        ptx::tcgen05_fence_after();
#pragma unroll
        for (int32_t a = 0; a < N_ATOM; ++a)
          ptx::tmem_copy_32x128b(tmem + sf_w + a * umma::SCALE_ATOM_COLUMNS, umma::rows_16b(at_sf + a * umma::SCALE_ATOM_BYTES));
#pragma unroll
        for (uint32_t step = 0; step < 4; ++step)
#pragma unroll
          for (uint32_t a = 0; a < MATRICES; ++a)
            Format::mma(d + a * T, umma::k_major(at + a * W_BYTES + 32 * step), umma::k_major(at + W + 32 * step), width, step,
                        tmem + sf_w + a * STAGE.w_atoms * umma::SCALE_ATOM_COLUMNS, tmem + sf_x, k > k_begin || step > 0);
        ptx::tcgen05_commit(&bar.empty[ring.stage]);
      }
      ptx::tcgen05_commit(&bar.acc_full[acc.stage]);
    }
  } else if (warp == FIRST_FILL_WARP) {  // fill
    const int32_t n_step = first < n_tile ? plan::div_up(n_tile - first, n_cluster) * (k_end - k_begin) : 0;
    uint32_t i = first;  // tile and stage of K of the next load
    int32_t k = k_begin;
    typename Fill::Rows rows;
    typename Fill::Words words[Fill::AHEAD];
    ptx::Ring ring;
    for (int32_t step = -Fill::AHEAD; step < n_step; step += Fill::AHEAD)
#pragma unroll
      for (int32_t u = 0; u < Fill::AHEAD; ++u) {
        if (step >= 0 && step + u < n_step) {
          uint8_t* const at = tiles + ring.stage * l.stage;
          ptx::mbarrier_wait(&bar.empty[ring.stage], ring.parity ^ 1);
          fill.put(words[u], at, at + W + T * plan::ROW_BYTES, lane);
          ptx::fence_proxy_async();
          __syncwarp();
          if (lane == 0) ptx::mbarrier_arrive(&bar.full[ring.stage]);
          ring.next(n_stage);
        }
        if (step + u + Fill::AHEAD < n_step) {
          if (k == k_begin) rows = fill.begin(schedule.at(i), lane);
          words[u] = fill.load(rows, k);
          if (++k == k_end) k = k_begin, i += n_cluster;
        }
      }
  } else if (warp >= FIRST_EPILOGUE_WARP && split == 1) {  // epilogue
    ptx::Ring acc;
    for (uint32_t i = first; i < n_tile; i += n_cluster, acc.next(n_acc)) {
      const Tile tile = schedule.at(i);
      const auto row = finish(tile);
      ptx::mbarrier_wait(&bar.acc_full[acc.stage], acc.parity);
      ptx::tcgen05_fence_after();
      for (int32_t c = 0; c < tile.rows; c += AT_ONCE) {
        put_sums(tmem + acc.stage * MATRICES * T, c);
        if (c + AT_ONCE >= tile.rows) {
          ptx::tcgen05_fence_before();
          __syncwarp();
          if (lane == 0) ptx::mbarrier_arrive(&bar.acc_empty[acc.stage]);
        }
        ptx::named_barrier(EPILOGUE_BARRIER, 32 * N_EPILOGUE_WARP);
        for (int32_t j = warp % 4; j < AT_ONCE && c + j < tile.rows; j += N_EPILOGUE_WARP) {
          Sums<MATRICES> sums;
#pragma unroll
          for (int32_t a = 0; a < MATRICES; ++a)
            sums.of[a] = *reinterpret_cast<const float4*>(&exchange[(a * AT_ONCE + j) * plan::W_ROWS + 4 * lane]);
          row(c + j, 4 * lane, sums);
        }
        ptx::named_barrier(EPILOGUE_BARRIER, 32 * N_EPILOGUE_WARP);  // the sums are read
      }
    }
  }
  __syncwarp();

  if (split > 1 && first < n_tile) {  // a cluster that splits K has one tile
    const Tile tile = schedule.at(first);
    const auto row = finish(tile);
    if (warp >= FIRST_EPILOGUE_WARP) {
      ptx::mbarrier_wait(&bar.acc_full[0], 0);
      ptx::tcgen05_fence_after();
    }
    for (int32_t c = 0; c < tile.rows; c += AT_ONCE) {
      if (warp >= FIRST_EPILOGUE_WARP) put_sums(tmem, c);
      ptx::cluster_sync();
      for (int32_t j = rank * N_WARP + warp; j < AT_ONCE && c + j < tile.rows; j += split * N_WARP) {
        Sums<MATRICES> sums;
#pragma unroll
        for (int32_t a = 0; a < MATRICES; ++a) {
          const uint32_t at = ptx::shared(&exchange[(a * AT_ONCE + j) * plan::W_ROWS + 4 * lane]);
          float4 sum = {0, 0, 0, 0};
          for (uint32_t r = 0; r < split; ++r) {
            const float4 v = ptx::load_cluster_f32x4(ptx::mapa(at, r));
            sum.x += v.x, sum.y += v.y, sum.z += v.z, sum.w += v.w;
          }
          sums.of[a] = sum;
        }
        row(c + j, 4 * lane, sums);
      }
      ptx::cluster_sync();  // a CTA's partial sums are there until all have read them
    }
    if (warp >= FIRST_EPILOGUE_WARP) ptx::tcgen05_fence_before();
  }
  __syncthreads();
  if (warp == 1) ptx::tmem_dealloc(tmem, columns);
}

}  // namespace umma_linear
